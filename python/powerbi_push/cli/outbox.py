"""`powerbi-push outbox`: what waits in the file of a sender, and what was refused."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from powerbi_push.cli.asking import FILE, seconds
from powerbi_push.cli.destination import found, sender_of
from powerbi_push.cli.push import ended_by_signals
from powerbi_push.cli.target import read_target
from powerbi_push.delivery.outbox import Outbox
from powerbi_push.delivery.results import amount
from powerbi_push.exceptions import DeadlineError, OutboxError

if TYPE_CHECKING:
    from powerbi_push.cli.session import Session

_URL = click.option(
    "--allow-url-in-argv", is_flag=True, help="Take a push URL as an argument, where others can read it."
)


@click.group(no_args_is_help=False)
def outbox() -> None:
    """Look into the outbox PATH of a sender (`push --follow --outbox PATH`), deliver or clear it."""


@outbox.command()
@click.argument("path", type=FILE)
@click.argument("target", required=False)
@click.pass_obj
def status(session: Session, path: str, target: str | None) -> None:
    """Say how many rows wait, and which were refused. Reading disturbs no sender."""
    del target  # an outbox belongs to one destination
    box = Outbox(path)
    rejected = box.rejected()
    told = [
        {"row": one.row, "reason": one.error.message, "in_doubt": one.in_doubt, "at": one.at.isoformat()}
        for one in rejected
    ]
    lines = [f"{box.pending:,} pending", f"{len(rejected):,} rejected"]
    lines += [f"  {one['at']}  {one['reason']}  {one['row']}" for one in told]
    session.give({"pending": box.pending, "rejected": told}, "\n".join(lines))


@outbox.command()
@click.argument("path", type=FILE)
@click.argument("target", required=False)
@click.option("--timeout", type=seconds, metavar="S", help="Seconds; default is as long as it takes.")
@_URL
@click.pass_obj
def flush(session: Session, /, path: str, target: str | None, **given: Any) -> int:
    """Deliver what waits to TARGET, the one that the outbox belongs to, and wait for it."""
    return _flush(session, path, target, given)


def _flush(session: Session, path: str, target: str | None, given: dict[str, Any]) -> int:
    box = Outbox(path)
    before = None
    with suppress(OutboxError):  # a damaged file is rescued when its sender opens it
        before = box.pending, len(box.rejected())
    place = read_target(target, None, url_in_arguments=given["allow_url_in_argv"])
    sender = sender_of(found(session, place, None, create=False), {"outbox": path})
    with ended_by_signals(), suppress(DeadlineError, KeyboardInterrupt), sender:
        sender.flush(given["timeout"])
    pending, stats = box.pending, sender.stats
    if before is None:
        delivered, rejected = stats.confirmed, stats.rejected
    else:
        rejected = len(box.rejected()) - before[1]
        delivered = before[0] - pending - rejected
    told = {"delivered": delivered, "rejected": rejected, "pending": pending}
    if session.as_json:
        session.give({"ok": not (pending or rejected), **told})
    session.say(", ".join(f"{count:,} {word}" for word, count in told.items()))
    return 1 if pending or rejected else 0


@outbox.command()
@click.argument("path", type=FILE)
@click.argument("file", default="-", type=FILE)
@click.option("--rows", type=click.Choice(["all", "pending", "rejected"]), default="all", show_default=True)
@click.pass_obj
def export(session: Session, path: str, file: str, rows: Any) -> None:
    """Write the rows as NDJSON to FILE, or to stdout. They stay in the outbox."""
    box = Outbox(path)
    if file == "-":
        box.export(sys.stdout.buffer, rows=rows)
        sys.stdout.buffer.flush()
        return
    count = box.export(file, rows=rows)
    session.say(f"{amount(count, 'row')} written to {file}")
    if session.as_json:
        session.give({"rows": count, "file": file})


@outbox.command()
@click.argument("path", type=FILE)
@click.argument("target", required=False)
@click.option("--timeout", type=seconds, metavar="S", help="Seconds; default is as long as it takes.")
@_URL
@click.pass_obj
def retry(session: Session, /, path: str, target: str | None, **given: Any) -> int:
    """Put the rejected rows behind those that wait; with TARGET deliver them at once."""
    count = Outbox(path).retry()
    if target is not None:
        return _flush(session, path, target, given)
    session.give({"rows": count}, f"{amount(count, 'row')} {'waits' if count == 1 else 'wait'} again")
    return 0


@outbox.command()
@click.argument("path", type=FILE)
@click.argument("target", required=False)
@click.pass_obj
def drop(session: Session, path: str, target: str | None) -> None:
    """Delete the rejected rows for good."""
    del target
    count = Outbox(path).drop()
    session.give({"rows": count}, f"{amount(count, 'row')} deleted")
