"""What became of the rows of a file: errors with their lines, and the account of a push."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from powerbi_push.cli.failures import CommandError, in_flags, result_document
from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.texts import WINDOWS
from powerbi_push.delivery.results import PushResult, amount
from powerbi_push.exceptions import PowerBIPushError, SourceError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from powerbi_push.cli.files import Asked
    from powerbi_push.cli.readings import Reading
    from powerbi_push.cli.rejects import Rejects
    from powerbi_push.cli.session import Session
    from powerbi_push.delivery.results import RowError

#: Problems that are shown; the others are counted.
_SHOWN = 10


def where(reading: Reading, line: int | None, row: int | None = None) -> str:
    """Name a place in a file."""
    name = reading.opened.asked.name
    if line is None:
        return name if row is None else f"{name}, row {row + 1}"
    return f"{name}:{line}" if reading.unit == "line" else f"{name}, row {line}"


def problems(reading: Reading, errors: Iterable[RowError]) -> list[dict[str, Any]]:
    """Say of each problem where it is, as JSON."""
    return [
        {
            "row": error.row,
            "line": reading.line_of(error.row),
            "column": error.column,
            "code": error.code,
            "reason": in_flags(error.message),
        }
        for error in errors
    ]


def problem_lines(reading: Reading, errors: Iterable[RowError]) -> list[str]:
    """Say of each problem where it is, one line each."""
    return [f"{where(reading, reading.line_of(error.row), error.row)}: {in_flags(error.message)}" for error in errors]


def broken_file(
    name: str, error: BrokenFileError, result: PushResult | None = None, *, hint: str | None = None
) -> CommandError:
    """Say what is wrong with a file; `hint` takes the place of the error's own."""
    told = f"{name}:{error.line}: {error}" if error.line is not None else f"{name}: {error}"
    return CommandError(told, hint=hint or error.hint, result=result)


def explained(error: PowerBIPushError, reading: Reading, rejects: Rejects | None) -> Exception:
    """Say of a push that failed where in the file that was."""
    result = None if error.result is None else counted(error.result, rejects)
    error.result = result
    cause = reading.failure or error.__cause__
    if isinstance(error, SourceError) and isinstance(cause, BrokenFileError):
        hint = "; ".join([*filter(None, [cause.hint]), *_made(error)])
        told: Exception = broken_file(reading.opened.asked.name, cause, result, hint=hint or None)
    elif isinstance(error, SourceError) and isinstance(cause, OSError):
        place = cause.filename or reading.opened.asked.name
        told = CommandError(f"{place}: {cause.strerror or cause}", result=result)
    elif isinstance(error, ValidationError) and error.errors:
        told = _wrong_rows(error, reading, result)
    else:
        told = error
    told.__cause__ = cause or (None if told is error else error)
    _say_where_to_resume(told, result, reading, rejects)
    return told


def interrupted(interrupt: KeyboardInterrupt, reading: Reading, rejects: Rejects | None) -> CommandError:
    """Say how far a push came that somebody ended."""
    result: PushResult | None = getattr(interrupt, "result", None)
    told = CommandError("interrupted", result=None if result is None else counted(result, rejects))
    _say_where_to_resume(told, result, reading, rejects)
    return told


def mending(asked: Asked, codes: Iterable[str]) -> list[str]:
    """What mends all problems of some codes at once."""
    return [WINDOWS] if asked.encoding is None and "not_utf8" in codes else []


def all_rejected(reading: Reading, rejects: Rejects) -> CommandError:
    """Say that nothing takes the place of the rows of the table."""
    rejects.begin()
    name, count = reading.opened.asked.name, rejects.count
    rows = f"all {count:,} rows of {name} were" if count > 1 else f"the one row of {name} was"
    hint = f"{'they are' if count > 1 else 'it is'} in {rejects.path}, with lines and reasons"
    msg = f"{rows} rejected: the rows of the table stay"
    return CommandError(msg, hint=hint, result=counted(PushResult(), rejects))


def _wrong_rows(error: ValidationError, reading: Reading, result: PushResult | None) -> CommandError:
    lines = problem_lines(reading, error.errors[:_SHOWN])
    if error.error_count > len(lines):
        lines.append(f"and {amount(error.error_count - len(lines), 'more problem')} up to there")
    hint = "--rejects FILE sets such rows aside and goes on; `powerbi-push validate` finds all of them"
    hint = "; ".join([*mending(reading.opened.asked, (one.code for one in error.errors)), hint, *_made(error)])
    return CommandError("\n".join(lines), hint=hint, result=result, problems=problems(reading, error.errors))


def _made(error: PowerBIPushError) -> list[str]:
    """What a hint says of a dataset that was made for the rows."""
    return [part for part in (error.hint or "").split("; ") if "has been made" in part]


def _say_where_to_resume(told: Exception, result: PushResult | None, reading: Reading, rejects: Rejects | None) -> None:
    if result is None or not result.confirmed or rejects is not None:
        return
    line = reading.line_of(result.resume_from)
    if line is not None and isinstance(told, PowerBIPushError | CommandError):
        more = f"{reading.unit} {line:,} is the first that is not confirmed"
        told.hint = f"{told.hint}; {more}" if told.hint else more


def counted(result: PushResult, rejects: Rejects | None) -> PushResult:
    """Count the rows that were set aside, which the push itself has not seen."""
    if rejects is None or not rejects.count:
        return result
    return replace(result, read=result.read + rejects.count, rejected=result.rejected + rejects.count)


def finish(session: Session, result: PushResult, rejects: Rejects | None) -> int:
    """Tell what became of the rows of a push that came to its end, and give the exit code."""
    result = counted(result, rejects)
    ok = result.read == result.confirmed + (result.rejected if rejects is not None else 0)
    session.say(result.summary())
    document = {**result_document(result), "ok": ok}
    if rejects is not None:
        # Rows are numbered without those that were set aside: their lines are in the file.
        for name in ("ranges", "resume_from"):
            del document[name]
        document["rejects"] = rejects.path
        if result.rejected:
            session.say(f"the rejected rows are in {rejects.path}, with their lines and reasons")
    if session.as_json:
        session.give(document)
    return 0 if ok else 1
