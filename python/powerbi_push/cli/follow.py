"""`powerbi-push push - TARGET --follow`: rows as they come, delivered in the background.

```
stdin ─ Input (lines, or a signal) ─ Parser (rows) ─ Sender (memory or outbox) ─ Power BI
                                        └─ a bad line: Rejects, or the end
```
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from powerbi_push.calls.verbs import run
from powerbi_push.cli.account import broken_file, counted, mending
from powerbi_push.cli.asking import row_options
from powerbi_push.cli.dates import old_dates
from powerbi_push.cli.destination import found, sender_of
from powerbi_push.cli.failures import CommandError, in_flags, result_document
from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.judge import Judge
from powerbi_push.cli.lines import Lines, packed
from powerbi_push.cli.push import naming, rejects_of
from powerbi_push.cli.readings import Chunk, refuse
from powerbi_push.cli.session import tell
from powerbi_push.cli.stream import Input, Parser
from powerbi_push.cli.target import table_of
from powerbi_push.cli.types import schema_of
from powerbi_push.delivery.outbox import Outbox
from powerbi_push.delivery.results import PushResult
from powerbi_push.exceptions import DeadlineError, OutboxError, OutboxFullError, UndeliveredError, ValidationError

if TYPE_CHECKING:
    from powerbi_push.cli.files import Asked
    from powerbi_push.cli.rejects import Rejects
    from powerbi_push.cli.session import Session
    from powerbi_push.delivery.sender import Sender
    from powerbi_push.tracebacks import Hidden

#: After SIGTERM, so that with the end of Python it stays below five seconds.
_CLOSING = 3.0
#: The last answers are waited for so long.
_LAST = 0.5
#: How long a full sender is waited for before a signal is looked for again.
_PATIENCE = 0.5
_NO_SCHEMA = "--follow of CSV needs --schema: what comes later is not known when types are read off"


def follow(session: Session, asked: Asked, target: Hidden[str], given: dict[str, Any]) -> int:
    """Send rows as they come, until the input ends or a signal ends it."""
    _check(given)
    with ExitStack() as stack, naming(asked):
        rejects = rejects_of(given, asked.path, stack)
        source = stack.enter_context(Input(asked))
        schema = schema_of(given["schema"], table_of(target)) if given["schema"] else None
        # Whether it is CSV is known once a line is there; rows that wait, and what is wrong with TARGET, come first.
        options = row_options(given, "ndjson") if schema else {}
        if schema:
            asked.judge = Judge(schema, options)
        _tell_of_earlier(session, given["outbox"])
        stack.enter_context(old_dates(None))
        flow = _Flow(session, source, rejects, given)
        try:
            with source.raising():
                place = found(session, target, schema, create=given["create"])
        except KeyboardInterrupt:
            return flow.end_early()
        return flow.run(sender_of(place, {**_options(given), **options}))


def _check(given: dict[str, Any]) -> None:
    for name in ("dry_run", "timeout"):
        if given[name]:
            msg = f"--{name.replace('_', '-')} does not go with --follow"
            raise click.UsageError(msg)
    if given["if_exists"] != "append":
        msg = "--if-exists replace does not go with --follow"
        raise click.UsageError(msg)
    if given["create"] and not given["schema"]:
        msg = "--follow --create needs --schema"
        raise click.UsageError(msg)
    if given["kind"] not in {None, "csv", "ndjson"}:
        msg = f"--follow reads NDJSON or CSV, not {given['kind']}"
        raise click.UsageError(msg)
    if given["kind"] == "csv" and not given["schema"]:
        raise click.UsageError(_NO_SCHEMA)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    told = {name: given[name] for name in ("outbox", "max_delay") if given[name] is not None}
    return {**told, "full_timeout": _PATIENCE}


def _tell_of_earlier(session: Session, path: str | None) -> None:
    pending = 0
    with suppress(OutboxError):  # the sender, which is opened next, rescues a damaged file, or says what is wrong
        pending = _pending(path)
    if pending:
        wait = _rows_wait(pending).replace(" wait", " of an earlier run wait")
        goes = "goes" if pending == 1 else "go"
        session.say(f"{wait} in {path} and {goes} first")


def _pending(path: str | None) -> int:
    """How many rows wait in an outbox, which need not be there yet."""
    return Outbox(path).pending if path is not None and Path(path).exists() else 0


def _rows_wait(count: int) -> str:
    return "1 row waits" if count == 1 else f"{count:,} rows wait"


class _Flow:
    def __init__(self, session: Session, source: Input, rejects: Rejects | None, given: dict[str, Any]) -> None:
        self._session, self._source, self._rejects, self._given = session, source, rejects, given
        self._parser: Parser | None = None
        self._convert: bool | None = None
        self._acknowledges = session.as_json and given["outbox"] is not None
        self._outbox: str | None = given["outbox"]
        self._patience: float | None = given["close_timeout"]
        self._accepted = 0
        self._left = 0
        self._lines = Lines()

    def run(self, sender: Sender) -> int:
        """Go on until the end, deliver what is left, and tell what became of everything."""
        self._sender = sender
        failure: Exception | None = None
        try:
            self._parser = parser = Parser(self._source, self._rejects.broken if self._rejects else refuse)
            self._convert = row_options(self._given, parser.format)["convert"] if self._given["schema"] else None
            if parser.format == "csv" and not self._given["schema"]:
                raise click.UsageError(_NO_SCHEMA)  # noqa: TRY301 - as whatever else is wrong with the input
            for chunk in parser.chunks():
                self._accept(chunk)
                if self._source.ended_by_signal:
                    break
        except BrokenPipeError:
            failure = CommandError("stdout was closed: nobody hears what is accepted")
        except BrokenFileError as error:
            failure = broken_file(self._source.asked.name, error)
        except Exception as error:  # noqa: BLE001 - what was accepted is delivered first
            failure = error
        return self._end(failure)

    def end_early(self) -> int:
        """Tell of a stream that a signal has ended before it was known where rows go."""
        return self._tell(PushResult(), earlier=0)

    def _accept(self, chunk: Chunk) -> None:
        """Have the sender take rows; one that is full is waited for, unless a signal comes."""
        rows, lines = chunk.rows, list(chunk.lines)
        while rows and not self._source.ended_by_signal:
            before = self._sender.stats.accepted
            try:
                run(self._sender._send_many(rows, convert=self._convert))  # noqa: SLF001 - the same package
            except OutboxFullError:
                taken = self._sender.stats.accepted - before
                self._note(lines[:taken])
                rows, lines = rows[taken:], lines[taken:]
            except ValidationError as error:
                rows, lines = self._set_aside(error, rows, lines)
            else:
                self._note(lines)
                rows = []
        self._left += len(rows)
        self._acknowledge()

    def _note(self, lines: list[int]) -> None:
        self._accepted += len(lines)
        self._lines.add(packed(lines))

    def _set_aside(self, error: ValidationError, rows: list[Any], lines: list[int]) -> tuple[list[Any], list[int]]:
        """Take out the rows that do not fit; without a file for them the first of those is the end."""
        first = min(one.row for one in error.errors)
        if self._rejects is None:
            if first:
                self._accept(Chunk(lines[:first], rows[:first]))
            one = next(one for one in error.errors if one.row == first)
            msg = f"{self._source.asked.name}:{lines[first]}: {in_flags(one.message)}"
            hints = [*mending(self._source.asked, [one.code]), "--rejects FILE sets such rows aside and goes on"]
            raise CommandError(msg, hint="; ".join(hints)) from error
        bad = {one.row for one in error.errors}
        self._rejects.set_aside(error.errors, lines, rows, len(bad))
        kept = [row for row in range(len(rows)) if row not in bad]
        return [rows[row] for row in kept], [lines[row] for row in kept]

    def _acknowledge(self) -> None:
        if self._acknowledges:
            self._session.give({"accepted": self._accepted})
            sys.stdout.flush()

    def _end(self, failure: Exception | None) -> int:
        if self._left:
            rows, were, them = ("row", "was", "it") if self._left == 1 else ("rows", "were", "them")
            tell(f"warning: {self._left:,} {rows} that {were} read {were} not accepted: there was no room for {them}")
        if self._parser is not None and self._parser.is_cut_off:
            tell("warning: the last line had no end when the signal came, and was not taken")
        self._drain()
        try:
            result = self._sender.close(_LAST)
        except UndeliveredError as error:
            if failure is None:
                self._write_refused(error.result)
                raise
            tell(f"error: {error.message}")
            result = error.result
        self._write_refused(result)
        if failure is not None:
            told = {"result": result, "details": {"pending": self._waiting()}}
            vars(failure).update(told)
            raise failure
        result = PushResult() if result is None else result
        stats = self._sender.stats
        twice = stats.maybe_twice - result.maybe_twice
        return self._tell(
            result, max(stats.confirmed - result.confirmed, 0), f" ({twice:,} maybe twice)" if twice else ""
        )

    def _waiting(self) -> int:
        """How many rows wait in the outbox for the next run; that is told, too."""
        waits = _pending(self._outbox)
        if waits:
            self._session.say(f"{_rows_wait(waits)} in {self._outbox} for the next run")
        return waits

    def _drain(self) -> None:
        """Deliver what is left for as long as it may take: to the end, unless somebody said less or a signal comes."""
        clock = time.monotonic
        until = inf if self._patience is None else clock() + self._patience
        heard = False
        while (left := until - clock()) > 0:
            if self._source.ended_by_signal and not heard:
                heard, until = True, min(until, clock() + _CLOSING)
                continue
            with suppress(DeadlineError):
                self._sender.flush(min(left, _PATIENCE))
                return

    def _write_refused(self, result: PushResult | None) -> None:
        if self._rejects is not None and result is not None:
            self._rejects.refused(result, self._lines.of)

    def _tell(self, result: PushResult, earlier: int, doubled: str = "") -> int:
        whole = counted(result, self._rejects)
        self._session.say(whole.summary())
        if earlier:
            self._session.say(f"and of an earlier run {earlier:,} confirmed{doubled}")
        waits = self._waiting()
        # Rows that wait in the outbox have time; other ones that are in doubt or unsent have had their end.
        unsettled = self._left or whole.in_doubt + whole.unsent > waits
        ok = not unsettled and (self._rejects is not None or not whole.rejected)
        if self._session.as_json:
            told = {"ok": ok, "accepted": self._accepted, "earlier_confirmed": earlier, "pending": waits}
            self._session.give({**result_document(whole), **told})
        return 0 if ok else 1
