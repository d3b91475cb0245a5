"""`powerbi-push plan`, and the rehearsal of a push: how many requests, how long, and what holds it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from powerbi_push.cli.account import explained
from powerbi_push.cli.asking import FILE, asked_of, name_of, reads_file, row_options
from powerbi_push.cli.dates import old_dates
from powerbi_push.cli.failures import in_flags
from powerbi_push.cli.push import naming, types_of
from powerbi_push.cli.readings import Reading
from powerbi_push.cli.target import is_push_url
from powerbi_push.display.pages import seconds
from powerbi_push.exceptions import PowerBIPushError
from powerbi_push.powerbi.planning import planned_table
from powerbi_push.powerbi.quotas import Quotas

if TYPE_CHECKING:
    from powerbi_push.cli.findings import Findings
    from powerbi_push.cli.judge import Judge
    from powerbi_push.cli.session import Session
    from powerbi_push.schema.table import TableSchema
    from powerbi_push.tracebacks import Hidden

_ROWS, _BYTES = 10_000, 16_000_000
#: A push URL takes 15,000 bytes of ``[...]``; bodies here are ``{"rows":[...]}``. Source: "Real-time streaming in Power
#: BI", learn.microsoft.com/power-bi/connect-data/service-real-time-streaming.
_STREAM_BYTES, _STREAM_RATE = 15_000 + len('{"rows":}'), 5


@click.command()
@click.argument("file", metavar="FILE|COUNT", type=FILE)
@reads_file
@click.option(
    "--rows-in-table", type=click.IntRange(min=0), metavar="N", help="Rows that the table holds; default is none."
)
@click.pass_obj
def plan(session: Session, /, file: str, **given: Any) -> int:
    """Say how many requests and how long a push of FILE, or of COUNT rows, takes under Power BI's limits.

    Nothing is sent, and no sign-in is needed.
    """
    count = file.replace(",", "").replace("_", "")
    if count.isdecimal():
        _give(session, _planned(int(count), None, given["rows_in_table"]))
        return 0
    if count.removeprefix("-").isdecimal():
        msg = f"COUNT is a number of rows from 0, not {count}"
        raise click.UsageError(msg)
    asked = asked_of(file, given)
    with naming(asked):
        reading = Reading(asked)
        schema, _ = types_of(session, reading, given, name_of(asked, given))
        options = row_options(given, reading.format)
        with old_dates(reading):
            requests = 0 if schema is None else _requests(reading, schema, options, _BYTES)
        _give(session, _planned(reading.count, requests, given["rows_in_table"]))
        return 0


def rehearse(session: Session, reading: Reading, findings: Findings, judge: Judge | None, target: Hidden[str]) -> int:
    """Check all rows as a push would, and plan it; a wrong row makes the exit code 1."""
    if judge is not None:
        findings.check(reading, judge)
    if findings.count:
        return findings.give(session, reading)
    plan = _plan_again(reading, judge, target)
    return findings.give(session, reading, (plan, plan_text(plan)))


def _plan_again(reading: Reading, judge: Judge | None, target: Hidden[str]) -> dict[str, Any]:
    """Read a file once more to measure its requests; of stdin the rows are counted only."""
    rows, asked = reading.count, reading.opened.asked
    streams = is_push_url(target)
    requests = None
    if judge is None:
        requests = 0
    elif not asked.is_stdin:
        again = Reading(asked)
        requests = _requests(again, judge.schema, judge.options, _STREAM_BYTES if streams else _BYTES)
        again.close()
    return _streamed(rows, requests) if streams else _planned(rows, requests)


def _requests(reading: Reading, schema: TableSchema, options: dict[str, Any], max_bytes: int) -> int:
    try:
        return sum(1 for _ in schema.payloads(reading.rows(), max_rows=_ROWS, max_bytes=max_bytes, **options))
    except PowerBIPushError as error:
        told = explained(error, reading, None)
        raise told from told.__cause__


def _planned(rows: int, requests: int | None, in_table: int | None = None) -> dict[str, Any]:
    """Plan under the limits of a push dataset; more requests than full ones are those of rows with many bytes."""
    plan = planned_table(None).plan(rows, rows_in_table=in_table)
    if requests is not None and requests > plan.requests:
        cut = planned_table(None, Quotas(rows_per_hour=None)).plan(requests * _ROWS, rows_in_table=in_table)
        eta, bound_by = max((plan.eta, plan.bound_by), (cut.eta, cut.bound_by), key=lambda one: one[0])
        return _document(rows, requests, eta, bound_by, plan.assumes)
    return _document(rows, plan.requests, plan.eta, plan.bound_by, plan.assumes)


def _streamed(rows: int, requests: int | None) -> dict[str, Any]:
    if requests is None:
        return _document(rows, None, None, None, ("rows on stdin are not measured",))
    eta = max(0.0, (requests - _STREAM_RATE) / _STREAM_RATE)
    return _document(rows, requests, eta, f"{_STREAM_RATE} requests a second" if eta else None, ())


def _document(rows: int, requests: int | None, eta: float | None, bound_by: str | None, assumes: Any) -> dict[str, Any]:
    return {
        "rows": rows,
        "requests": requests,
        "eta": eta,
        "bound_by": bound_by,
        "assumes": [in_flags(one) for one in assumes],
    }


def _give(session: Session, document: dict[str, Any]) -> None:
    session.give(document, plan_text(document))


def plan_text(plan: dict[str, Any]) -> str:
    """Say it in words."""
    rows = f"{plan['rows']:,} row{'' if plan['rows'] == 1 else 's'}"
    if plan["requests"] is None:
        lines = [rows]
    else:
        requests = f"{plan['requests']:,} request{'' if plan['requests'] == 1 else 's'}"
        held = f", held back by {plan['bound_by']}" if plan["bound_by"] else ""
        lines = [f"{rows} in {requests}, at least {seconds(plan['eta'])}{held}"]
    return "\n".join([*lines, *(f"assumed: {one}" for one in plan["assumes"])])
