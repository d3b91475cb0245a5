"""`powerbi-push emulator`: a local Power BI until Ctrl-C or SIGTERM."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from powerbi_push.cli.asking import FILE
from powerbi_push.cli.failures import CommandError
from powerbi_push.dataset_schema import DatasetSchema
from powerbi_push.emulator import Emulator
from powerbi_push.environment import VARIABLE

if TYPE_CHECKING:
    from powerbi_push.cli.session import Session


@click.command()
@click.option("--port", type=int, default=8765, show_default=True, help="On 127.0.0.1; 0 takes a free one.")
@click.option("--open", "opens", is_flag=True, help="Open its page in a browser.")
@click.option("--seed", metavar="FILE", type=FILE, help="JSON: an array of datasets, their tables with `rows`.")
@click.pass_obj
def emulator(session: Session, port: int, *, opens: bool, seed: str | None) -> None:
    """Run a local Power BI. Programs and commands with POWERBI_PUSH_EMULATOR=URL talk to it, and to nothing else."""
    datasets = _read(seed) if seed else []
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Emulator(port=port) as running:
        for one in datasets:
            _sow(running, one)
        session.give({"url": running.url}, running.url)
        sys.stdout.flush()
        session.say(f"a local Power BI is at {running.url}; in another terminal: export {VARIABLE}={running.url}")
        if opens:
            click.launch(running.url)
        ended.wait()


def _read(path: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except ValueError as error:
        msg = f"{path}: is not JSON: {error}"
        raise CommandError(msg) from None
    found = found.get("datasets", [found]) if isinstance(found, dict) else found
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        msg = f"{path}: is no array of datasets"
        raise CommandError(
            msg, hint='[{"name": "Sales", "tables": [{"name": "Orders", "columns": [...], "rows": [...]}]}]'
        )
    return found


def _sow(running: Emulator, told: dict[str, Any]) -> None:
    """Make a dataset with its rows."""
    tables = [dict(table) for table in told.get("tables", [])]
    rows = {table.get("name"): table.pop("rows", []) for table in tables}
    dataset = running.client().create_dataset(DatasetSchema.from_json({**told, "tables": tables}))
    for name, some in rows.items():
        dataset.table(name).push(some, convert=True)
