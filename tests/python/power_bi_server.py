"""A Power BI that takes every token and says what a test wants, and tokens of all kinds to try."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import powerbi_push as pbi
from entra_server import CLIENT_ID, jwt
from scripted_server import Answered, Asked, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

POWER_BI = "https://analysis.windows.net/powerbi/api"
WORKSPACE = "f089354e-8366-4e18-aea3-4cb4a3a50b48"
DATASET = "cfafbeb1-8037-4d0c-896e-a46fb27ff229"
USER = {"aud": POWER_BI, "tid": "t-1", "upn": "ada@contoso.com", "scp": "Dataset.ReadWrite.All Workspace.Read.All"}
APP = {"aud": POWER_BI, "tid": "t-1", "appid": CLIENT_ID, "app_displayname": "Pusher", "idtyp": "app"}


def token(claims: dict[str, Any], **other: Any) -> str:
    """A token that is good for an hour, unless told otherwise."""
    now = int(time.time())
    told = {"iat": now, "nbf": now, "exp": now + 3_600, **claims, **other}
    return jwt(**{name: value for name, value in told.items() if value is not None})


@contextmanager
def power_bi(paths: dict[str, Any]) -> Iterator[str]:
    """A service that takes every token and knows these paths: a list, or a status and a body."""

    def answer(asked: Asked) -> Answered:
        found = paths.get(asked.path.removeprefix("/v1.0/myorg"), (404, {}))
        status, body = found if isinstance(found, tuple) else (200, {"value": found})
        headers = {"RequestId": "r-1"}
        if isinstance(body, bytes):
            return Answered(status, body, headers | {"Content-Type": "text/html"})
        return Answered(status, json.dumps(body).encode(), headers)

    with ScriptedServer(answer) as server:
        yield server.url


def examined(claims: dict[str, Any], **other: Any) -> pbi.Report:
    """What the doctor finds of a token; nothing is at the service."""
    with power_bi({"/groups": [], "/datasets": []}) as url:
        return pbi.doctor(credential=token(claims, **other), base_url=url)


def states(report: pbi.Report) -> dict[str, str]:
    """What was looked at, and how it was found."""
    return {check.name: check.state for check in report.checks}


def last(report: pbi.Report) -> pbi.Check:
    """What was looked at last."""
    return report.checks[-1]


def failed(report: pbi.Report) -> pbi.Check:
    """The one thing that is wrong."""
    assert not report
    (wrong,) = [check for check in report.checks if check.state == "failed"]
    assert wrong.hint
    return wrong
