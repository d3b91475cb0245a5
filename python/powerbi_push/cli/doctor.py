"""`powerbi-push doctor`: what keeps rows from arriving."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from powerbi_push.cli.target import read_target
from powerbi_push.diagnosis.doctor import doctor as examine

if TYPE_CHECKING:
    from powerbi_push.cli.session import Session


@click.command()
@click.argument("target", required=False)
@click.option("--allow-url-in-argv", is_flag=True, help="Take a push URL as an argument, where others can read it.")
@click.pass_obj
def doctor(session: Session, target: str | None, *, allow_url_in_argv: bool) -> int:
    """Look at the sign-in, the service and TARGET, and say what to change. No row is sent.

    The exit code is 1 where something is wrong.
    """
    place = read_target(target, None, url_in_arguments=allow_url_in_argv).value if target else None
    report = examine(place, **session.place)
    session.give({"ok": report.ok, "checks": [asdict(check) for check in report.checks]}, str(report))
    return 0 if report.ok else 1
