"""`powerbi-push push`: a file into a table."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

from powerbi_push.cli.account import all_rejected, broken_file, explained, finish, interrupted
from powerbi_push.cli.asking import FILE, asked_of, reads_file_for_target, row_options, seconds
from powerbi_push.cli.bar import watch
from powerbi_push.cli.dates import old_dates
from powerbi_push.cli.failures import CommandError, in_flags
from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.findings import Findings
from powerbi_push.cli.judge import Judge
from powerbi_push.cli.readings import Reading, refuse
from powerbi_push.cli.rejects import Rejects, check_path
from powerbi_push.cli.target import check_names, is_push_url, read_target, table_of
from powerbi_push.cli.types import infer, preview, schema_of
from powerbi_push.delivery.results import PushResult
from powerbi_push.exceptions import PowerBIPushError
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.cli.files import Asked
    from powerbi_push.cli.session import Session
    from powerbi_push.schema.table import TableSchema

#: Problems of rows that the service refuses which are kept for the file of rejects.
_MOST = 100_000


@click.command()
@click.argument("file", metavar="FILE|-", type=FILE)
@click.argument("target", required=False)
@reads_file_for_target
@click.option("--create", is_flag=True, help="Make the dataset where it is missing.")
@click.option("--if-exists", type=click.Choice(["append", "replace"]), default="append", help="Delete the rows first?")
@click.option("--dry-run", is_flag=True, help="Check the whole file and plan; nothing is sent.")
@click.option("--rejects", metavar="FILE", type=FILE, help="Set bad rows aside, with line and reason, and go on.")
@click.option("--timeout", type=seconds, metavar="S", help="Seconds for the whole push, waits for quotas included.")
@click.option("--allow-url-in-argv", is_flag=True, help="Take a push URL as an argument, where others can read it.")
@click.option("--follow", is_flag=True, help="Send rows as they come, until the input ends or SIGTERM.")
@click.option("--outbox", metavar="FILE", type=FILE, help="With --follow: rows wait in FILE, safe from a power cut.")
@click.option(
    "--max-delay", type=seconds, metavar="S", help="With --follow: how long a row waits for others. Default 1."
)
@click.option(
    "--close-timeout", type=seconds, metavar="S", help="With --follow: how long to deliver what is left at the end."
)
@click.pass_obj
def push(session: Session, /, file: str, target: str | None, **given: Any) -> int:
    """Push FILE (CSV, NDJSON, JSON, Parquet; .gz is unpacked), or `-` for stdin, to TARGET.

    TARGET is "Dataset/Table", "Workspace/Dataset/Table", the rows address of a table, or @FILE with a push URL in it;
    without one POWERBI_PUSH_URL is taken.

    Types are those of --schema; else they are read off the whole file (of stdin, the first 10,000 rows) and shown.
    """
    where = read_target(target, given["table"], url_in_arguments=given["allow_url_in_argv"])
    check_names(where)
    if given["follow"]:
        from powerbi_push.cli.follow import follow  # noqa: PLC0415 - the other half of the command

        return follow(session, asked_of(file, given), where, given)
    if named := [name for name in ("outbox", "max_delay", "close_timeout") if given[name] is not None]:
        msg = f"--{named[0].replace('_', '-')} goes with --follow"
        raise click.UsageError(msg)
    asked = asked_of(file, given)
    with ExitStack() as stack, naming(asked, None if given["dry_run"] else PushResult()):
        rejects = rejects_of(given, file, stack)
        findings = Findings() if given["dry_run"] else None
        reading = Reading(asked, findings.broken if findings else rejects.broken if rejects else refuse)
        stack.callback(reading.close)
        dates = stack.enter_context(old_dates(reading))
        passes_over = bool(rejects or findings)
        schema, total = types_of(session, reading, given, table_of(where), passes_over=passes_over)
        options = row_options(given, reading.format) if schema is not None else {}
        judge = None if schema is None else Judge(schema, options, by_push_url=is_push_url(where))
        if findings:
            from powerbi_push.cli.planning import rehearse  # noqa: PLC0415 - the other half of the command

            return rehearse(session, reading, findings, judge, where)
        if rejects:
            reading.on_taken = rejects.begin
            reading.chunks = rejects.sift(reading.chunks, dates.quiet(judge)) if judge else reading.chunks
        if given["if_exists"] == "replace" and not reading.has_rows() and rejects and rejects.count:
            raise all_rejected(reading, rejects)
        bar = watch(reading.opened.share, total, quiet=session.quiet)
        if bar:
            stack.callback(bar.close)
        how: dict[str, Any] = {
            **options,
            "timeout": given["timeout"],
            "progress": bar or False,
            "check": "batch",
            "schema": schema,
            "if_exists": given["if_exists"],
        }
        aim: Any = where.value
        if session.quotas == "pro":
            how |= {**session.place, "create": given["create"]}
        else:
            from powerbi_push.cli.destination import found  # noqa: PLC0415 - it knows all targets

            aim = found(session, where, schema, create=given["create"])
        return _push(session, reading, Hidden(aim), rejects, how)


def rejects_of(given: dict[str, Any], source: str, stack: ExitStack) -> Rejects | None:
    """Open the file of rejects, if there is to be one; a stream goes on with that of earlier runs.

    A rehearsal, which lists whatever is wrong, writes none.
    """
    path: str | None = given["rejects"]
    if path is None:
        return None
    files = {"that is read": source, "of --schema": given["schema"], "of --outbox": given["outbox"]}
    check_path(path, files)
    if given["dry_run"]:
        return None
    rejects = Rejects(path, goes_on=given["follow"])
    stack.callback(rejects.close)
    return rejects


def types_of(
    session: Session, reading: Reading, given: dict[str, Any], table: str, *, passes_over: bool = False
) -> tuple[TableSchema | None, int | None]:
    """Say what the columns are, as a file or the rows do, and how many rows there are, where that is known.

    Where there are no rows, nobody knows what the columns are. `passes_over` says that a row that has no types is told
    of later, and not the end.
    """
    asked = reading.opened.asked
    if given["schema"]:
        told = schema_of(given["schema"], table)
        asked.judge = Judge(told, row_options(given, reading.format))
        return told, None
    convert = row_options(given, reading.format)["convert"]
    schema, total = infer(asked, reading, table, convert=convert, passes_over=passes_over)
    if schema is not None:
        preview(session, asked, schema, looked_at=total)
    return schema, total


def _push(session: Session, reading: Reading, target: Hidden[Any], rejects: Rejects | None, how: dict[str, Any]) -> int:
    from powerbi_push.powerbi.targets import push as push_rows  # noqa: PLC0415 - a rehearsal needs none of it

    if rejects:
        # What only the target knows, such as that it stores nothing and takes small requests, is judged with it.
        how |= {"on_refused": "isolate", "on_invalid": "skip", "max_errors": _MOST}
    try:
        with ended_by_signals():
            result = push_rows(reading.rows(), target.value, **how)
    except PowerBIPushError as error:
        if rejects:
            _end(rejects, reading, error.result, in_flags(error.message))
        told = explained(error, reading, rejects)
        raise told from told.__cause__
    except KeyboardInterrupt as interrupt:
        if rejects:
            _end(rejects, reading, getattr(interrupt, "result", None), "interrupted")
        raise interrupted(interrupt, reading, rejects) from None
    if rejects:
        rejects.begin()
        rejects.refused(result, reading.line_of)
    return finish(session, result, rejects)


def _end(rejects: Rejects, reading: Reading, result: PushResult | None, reason: str) -> None:
    """Write what a push that fails has refused; of a file that cannot be written its own failure is enough."""
    rejects.drop()
    if result is not None and result.rejected:
        with suppress(OSError):
            rejects.refused(result, reading.line_of, reason)


@contextmanager
def naming(asked: Asked, result: PushResult | None = None) -> Iterator[None]:
    """Say of what is wrong with the file which file that is.

    Args:
        asked: The file.
        result: What has become of its rows, where the error does not say.
    """
    try:
        yield
    except BrokenFileError as error:
        raise broken_file(asked.name, error, result) from None
    except (CommandError, PowerBIPushError) as error:
        if error.result is None:
            error.result = result
        raise


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End at SIGTERM as at Ctrl-C: with an account."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
