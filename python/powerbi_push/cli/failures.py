"""How errors look on a terminal: what happened in one line, what to do below it, and what was sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from powerbi_push import _core
from powerbi_push.cli.session import coloured, tell, write
from powerbi_push.exceptions import PowerBIPushError, ServiceError, ValidationError

if TYPE_CHECKING:
    from powerbi_push.delivery.results import PushResult

#: What a hint says of the columns in Python, and what it says here.
_COLUMNS = ('name the columns: TableSchema(name, {"column": int})', "--schema FILE names the columns")
#: Options of the package's verbs that messages name, and what they are called here.
_FLAGS = re.compile(
    r"\b(convert|create)=True\b"
    r"|\b(schema|base_url|cloud|timeout|rows_in_table)=(?=[\s,;)]|$)"
    r'|\b([a-z]+_[a-z]+|outbox)="(\w+)"'
)
#: What the package's objects are called here.
_OBJECTS = (
    (re.compile(r"\binfer\(convert=True\)"), "--convert"),
    (re.compile(r'\btypes=\{("(?:[^"\\]|\\.)*"): (\w+)\}'), r'--schema FILE with {\1: "\2"}'),
    # A byte that is no UTF-8 is kept as a surrogate; the file itself holds one only as an escape of JSON.
    (
        re.compile(
            r"\bholds a lone surrogate, which is no valid Unicode(; text\.encode\([^)]*\)\.decode\(\) mends it)?"
        ),
        "is no UTF-8, or half of a surrogate pair",
    ),
    (re.compile(r"\bclient\.workspace\([\w.]+\)(\.dataset\([\w.]+\))?"), 'TARGET "Workspace/Dataset/Table"'),
)


class CommandError(Exception):
    """Something that a command itself found wrong.

    Attributes:
        hint: What to do next.
        result: What became of the rows, where some were pushed.
        problems: One JSON object for each row that is wrong.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        result: PushResult | None = None,
        problems: list[dict[str, Any]] | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        """Make it from what happened."""
        super().__init__(message)
        self.hint = hint
        self.result = result
        self.problems = problems
        self.details = details or {}


def in_flags(text: str) -> str:
    """Call options by the names that they have on the command line."""

    def flag(found: re.Match[str]) -> str:
        switch, option, name, value = found.groups()
        if name:
            return f"--{name.replace('_', '-')} {value}"
        return f"--{(switch or option).replace('_', '-')}"

    for called, here in _OBJECTS:
        text = called.sub(here, text)
    return _FLAGS.sub(flag, text.replace(*_COLUMNS))


def tell_any(error: BaseException, *, as_json: bool) -> None:
    """Say how the command is called, or what went wrong."""
    if isinstance(error, click.UsageError):
        _tell_usage(error, as_json=as_json)
    else:
        _tell_failure(error, as_json=as_json)


def _tell_usage(error: click.UsageError, *, as_json: bool) -> None:
    """Say how the command is called."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        tell(error.format_message())
        return
    if error.ctx is not None:
        tell(error.ctx.get_usage())
    message = _core.without_keys(" ".join(error.format_message().split()))
    _tell_error(message, f"{error.ctx.command_path} --help" if error.ctx else None)
    if as_json:
        write(json.dumps({"ok": False, "error": {"type": "UsageError", "message": message, "hint": None}}))


def _tell_failure(error: BaseException, *, as_json: bool) -> None:
    """Say what went wrong, what to do about it and what was sent."""
    message, hint = _words(error)
    of_ours = _of_ours(error)
    page = None if of_ours is None else of_ours.help_url
    _tell_error(message, hint, page)
    result: PushResult | None = getattr(error, "result", None)
    if result is not None:
        tell(f"sent: {result.summary() if result.read else 'nothing'}")
    if as_json:
        told = {"type": _kind(error), "message": message, "hint": hint, "help_url": page, **_of_service(error)}
        problems = getattr(error, "problems", None)
        document = {"ok": False, "error": told, **(getattr(error, "details", None) or {})}
        if result is not None:
            document["result"] = result_document(result)
        if problems is not None:
            document["problems"] = problems
        write(json.dumps(document, ensure_ascii=False, default=str))


def _tell_error(message: str, hint: str | None, page: str | None = None) -> None:
    tell(f"{coloured('error', 'red')}: {message}")
    if hint:
        tell(f"hint: {hint}")
    if page:
        tell(f"more: {page}")


def _of_ours(error: BaseException) -> PowerBIPushError | None:
    """The exception of this package that it is, or that a command has put into words of its own."""
    found = error.__cause__ if isinstance(error, CommandError) else error
    return found if isinstance(found, PowerBIPushError) else None


def _kind(error: BaseException) -> str:
    return type(_of_ours(error) or error).__name__


def _of_service(error: BaseException) -> dict[str, Any]:
    found = error if isinstance(error, ServiceError) else error.__cause__
    if not isinstance(found, ServiceError):
        return {}
    return {name: getattr(found, name) for name in ("status", "code", "request_id", "retry_after")}


def _words(error: BaseException) -> tuple[str, str | None]:
    match error:
        case KeyboardInterrupt() | click.Abort():
            return "interrupted", None
        case CommandError():
            return str(error), error.hint
        case ValidationError() | PowerBIPushError():
            return in_flags(error.message), error.hint and in_flags(error.hint)
        case OSError() if error.strerror:
            name = f"{_core.without_keys(str(error.filename))}: " if error.filename else ""
            return f"{name}{error.strerror}", None
        case click.ClickException():
            return error.format_message(), None
        case _:
            told = _core.without_keys(str(error))
            return f"{type(error).__name__}: {told}", "--traceback before the command shows where"


def result_document(result: PushResult) -> dict[str, Any]:
    """What became of the rows, as JSON."""
    names = "read confirmed rejected in_doubt unsent maybe_twice requests retries bytes_sent elapsed_seconds"
    names += " waited_seconds resume_from error_count deleted"
    ranges = [{"start": start, "stop": stop, "state": state} for start, stop, state in result.ranges]
    return {"ok": result.ok, **{name: getattr(result, name) for name in names.split()}, "ranges": ranges}
