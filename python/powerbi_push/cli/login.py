"""`powerbi-push login` and `logout`: a person signs in once, for the commands and programs of this user."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import click

from powerbi_push import _core
from powerbi_push.cli.session import tell
from powerbi_push.credentials.browser import InteractiveBrowserCredential
from powerbi_push.credentials.device_code import DeviceCodeCredential
from powerbi_push.credentials.login import login_cache
from powerbi_push.credentials.login import logout as clear
from powerbi_push.credentials.variables import CLIENT, TENANT, variable
from powerbi_push.diagnosis.findings import who
from powerbi_push.environment import emulator_url
from powerbi_push.exceptions import ConfigurationError

if TYPE_CHECKING:
    from datetime import datetime

    from powerbi_push.cli.session import Session

_NO_CLIENT = (
    f"the id of an app is missing: --client-id ID, or {CLIENT}. To have one, register it: entra.microsoft.com > App "
    "registrations > New registration; add the platform `Mobile and desktop applications` with the redirect address "
    "http://localhost, switch on `Allow public client flows` for --device-code, and give it the delegated permissions "
    "Dataset.ReadWrite.All and Workspace.Read.All of the Power BI Service"
)


@click.command()
@click.option("--device-code", is_flag=True, help="Show a code to enter on another device, instead of a browser here.")
@click.option("--client-id", metavar="ID", help=f"The app to sign in through; default is {CLIENT}.")
@click.option("--tenant", metavar="T", help=f"Id or domain; default is {TENANT}, or the one of whoever signs in.")
@click.pass_obj
def login(session: Session, *, device_code: bool, client_id: str | None, tenant: str | None) -> int:
    """Sign a person in, once for all commands and programs of this user that are given no credential.

    The sign-in is kept in a file that only this user can read; `logout` deletes it.
    """
    client = client_id or variable(CLIENT)
    if not client:
        raise click.UsageError(_NO_CLIENT)
    scope = _scope(session.cloud)
    options: dict[str, Any] = {
        "tenant_id": tenant or variable(TENANT) or "organizations",
        "cache": login_cache(),
        "authority": emulator_url(),
    }
    if device_code:
        token = DeviceCodeCredential(client, prompt=_show, **options).get_token(scope)
    else:
        token = InteractiveBrowserCredential(client, **options).get_token(scope)
    told = _claims(token.token)
    text = who(told, is_app=False) if told else "signed in"
    document = {"ok": True, "user": told.get("upn"), "tenant": told.get("tid"), "expires_on": token.expires_on}
    session.give(document, text)
    return 0


@click.command()
@click.pass_obj
def logout(session: Session) -> int:
    """Delete the sign-ins of `login`."""
    was_there = clear()
    session.give({"ok": True, "signed_out": was_there}, "signed out" if was_there else "nobody was signed in")
    return 0


def _show(verification_uri: str, user_code: str, expires_on: datetime) -> None:
    # Said even to whoever wants to hear nothing: without the code nothing goes on.
    tell(f"To sign in, open {verification_uri} and enter the code {user_code} (until {expires_on.astimezone():%H:%M})")


def _scope(cloud: str) -> str:
    known = {one["name"]: one["scope"] for one in _core.Client.clouds()}
    if cloud not in known:
        msg = f"there is no cloud `{_core.without_keys(cloud)}`"
        raise ConfigurationError(msg, hint=f"the clouds are {', '.join(known)}")
    return known[cloud]


def _claims(token: str) -> dict[str, Any]:
    """What a token says of itself, where it is a JSON Web Token."""
    try:
        told = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    except (IndexError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
