"""`powerbi-push schema` and `powerbi-push validate`: what a file holds, and what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from powerbi_push.cli.asking import FILE, asked_of, name_of, reads_file, row_options
from powerbi_push.cli.dates import old_dates
from powerbi_push.cli.failures import CommandError
from powerbi_push.cli.findings import Findings
from powerbi_push.cli.judge import Judge
from powerbi_push.cli.push import naming, types_of
from powerbi_push.cli.readings import Reading
from powerbi_push.schema.dataset import DatasetSchema

if TYPE_CHECKING:
    from powerbi_push.cli.session import Session


@click.command()
@click.argument("file", metavar="FILE|-", type=FILE)
@reads_file
@click.pass_obj
def schema(session: Session, /, file: str, **given: Any) -> int:
    """Read the columns off FILE and write them as JSON, in the form that --schema and the service take."""
    asked = asked_of(file, given)
    with naming(asked):
        reading = Reading(asked)
        table, _ = types_of(session, reading, given, name_of(asked, given))
        if table is None:
            msg = f"{asked.name}: there are no rows to read types off"
            raise CommandError(msg)
        session.give(json.loads(DatasetSchema(table.name, [table]).to_json()))
        return 0


@click.command()
@click.argument("file", metavar="FILE|-", type=FILE)
@reads_file
@click.option(
    "--max-errors", type=click.IntRange(min=0), default=1_000, show_default=True, help="How many problems are listed."
)
@click.pass_obj
def validate(session: Session, /, file: str, **given: Any) -> int:
    """Check each row of FILE against --schema (or the types that most of it has), and list every problem.

    Nothing is sent. The exit code is 1 where a row is wrong.
    """
    asked = asked_of(file, given)
    findings = Findings(given["max_errors"])
    with naming(asked):
        reading = Reading(asked, findings.broken)
        table, _ = types_of(session, reading, given, name_of(asked, given), passes_over=True)
        if table is not None:
            with old_dates(reading):
                findings.check(reading, Judge(table, row_options(given, reading.format)))
        return findings.give(session, reading)
