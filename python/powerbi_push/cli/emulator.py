"""`powerbi-push emulator`: a local Power BI until Ctrl-C or SIGTERM."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from powerbi_push.cli.asking import FILE
from powerbi_push.cli.seed import Seed, read_seed
from powerbi_push.cli.stop import Stop
from powerbi_push.emulator import Emulator
from powerbi_push.environment import VARIABLE

if TYPE_CHECKING:
    from powerbi_push.cli.session import Session

#: Addresses of this machine alone, and that of every machine which reaches it.
_OWN, _EVERY = ("127.0.0.1", "localhost"), "0.0.0.0"  # noqa: S104 - it is refused


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--host", default=_OWN[0], show_default=True, help=f"{_EVERY} only with --in-container.")
@click.option(
    "--in-container", is_flag=True, help="Listen at every address: for a container with -p 127.0.0.1:8765:8765 only."
)
@click.option("--open", "opens", is_flag=True, help="Open its page in a browser.")
@click.option("--seed", metavar="FILE", type=FILE, help="JSON: an array of datasets, their tables with `rows`.")
@click.option("--keep", metavar="FILE", type=FILE, help="Keep the state in this file, and begin with what it holds.")
@click.pass_obj
def emulator(
    session: Session, port: int, host: str, *, in_container: bool, opens: bool, seed: str | None, keep: str | None
) -> None:
    """Run a local Power BI. Programs and commands with POWERBI_PUSH_EMULATOR=URL talk to it, and to nothing else."""
    _check_host(host, in_container=in_container)
    sown = read_seed(seed) if seed else Seed([])
    # What was kept has its seed already.
    is_new = keep is None or not Path(keep).exists()
    stop = Stop()
    with Emulator(port=port, keep=keep, in_container=in_container) as running:
        if is_new:
            sown.sow(running)
        elif seed:
            session.say(f"{keep} goes on as it was; {seed} is for a new one")
        session.give({"url": running.url}, running.url)
        sys.stdout.flush()
        session.say(f"a local Power BI is at {running.url}; in another terminal: export {VARIABLE}={running.url}")
        if opens:
            click.launch(running.url)
        stop.wait()


def _check_host(host: str, *, in_container: bool) -> None:
    if host in _OWN or (host == _EVERY and in_container):
        return
    msg = f"it listens on {_OWN[0]} only: whoever reaches it may read and change all that it holds"
    if host == _EVERY:
        msg += "; in a container, whose port is published with -p 127.0.0.1:8765:8765, add --in-container"
    raise click.BadParameter(msg, param_hint="--host")
