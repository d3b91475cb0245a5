"""Logins of MicroStrategy: ways to sign in, projects, closed clients, and uploads that share a login."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from library_client import ORDERS, ROWS, calls, client_of, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator, MicroStrategy


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"login_mode": "standard"}, 1),
        ({"login_mode": "ldap"}, 1),
        ({"login_mode": "anonymous", "username": None, "password": None}, 1),
        ({"api_token": "token", "username": None, "password": None}, 1),
        ({"oauth_token": "token", "username": None, "password": None}, 0),
    ],
)
def test_there_are_five_ways_to_sign_in(
    options: dict[str, Any], count: int, powerbi: Emulator, microstrategy: MicroStrategy
) -> None:
    for name in ("api_token", "oauth_token"):
        if name in options:
            options = options | {name: getattr(microstrategy, name)}
    with client_of(microstrategy, **options) as client:
        assert client.datasets() == []
    assert calls(powerbi).count("POST auth/login") == count
    assert microstrategy.open_sessions == 0


def test_a_wrong_login_is_told_without_the_password(microstrategy: MicroStrategy) -> None:
    with pytest.raises(pbi.AuthenticationError) as raised, client_of(microstrategy, password="canary-0815") as client:
        client.datasets()
    assert raised.value.code == "ERR003"
    assert "canary" not in str(raised.value) + repr(client)


def test_the_project_is_the_only_one_or_has_to_be_said(microstrategy: MicroStrategy) -> None:
    other = microstrategy.add_project("Other")
    with client_of(microstrategy) as client, pytest.raises(pbi.ConfigurationError, match="`Other`"):
        client.datasets()
    for project in ("Other", other, other.lower()):
        with client_of(microstrategy, project=project) as client:
            assert client.datasets() == []
    with client_of(microstrategy, project="None") as client, pytest.raises(pbi.NotFoundError, match="`Other`"):
        client.datasets()


def test_what_is_no_library_is_told_so(powerbi: Emulator) -> None:
    for status, body in ((404, "<html>no</html>"), (302, ""), (200, "<html>hello</html>")):
        with pbi.microstrategy.Client(powerbi.url, username="u", password="canary-1", retry=None) as client:
            powerbi.fail_next(status, body=body, route="/auth/login")
            with pytest.raises(pbi.PowerBIPushError) as raised:
                client.datasets()
        assert "canary" not in str(raised.value)
        assert "base_url" in str(raised.value)


def test_a_closed_client_says_so(microstrategy: MicroStrategy) -> None:
    client = client_of(microstrategy)
    client.close()
    with pytest.raises(pbi.ClosedError):
        client.datasets()


def test_an_upload_of_a_closed_client_is_not_published(powerbi: Emulator, microstrategy: MicroStrategy) -> None:
    with client_of(microstrategy) as client:
        upload = client.create_dataset(ORDERS, attributes=["Id"]).upload()
        upload.push(ROWS)
    before = len(powerbi.requests)
    with pytest.raises(pbi.ClosedError, match="the client is closed"):
        upload.publish()
    assert (len(powerbi.requests), microstrategy.open_sessions) == (before, 0)


def test_a_client_that_nobody_closes_logs_out_with_the_program(microstrategy: MicroStrategy) -> None:
    who = f"{microstrategy.base_url!r}, username={microstrategy.username!r}, password={microstrategy.password!r}"
    program = f"import powerbi_push as pbi; client = pbi.microstrategy.Client({who}); print(client.datasets())"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
    assert microstrategy.open_sessions == 0


@pytest.fixture
def slow() -> Iterator[Emulator]:
    """A service that publishes for longer than progress is silent."""
    with pbi.Emulator(microstrategy_assumptions={"publish_gets": 2}) as emulator:
        yield emulator


def while_it_publishes(work: Callable[[], object]) -> Callable[[pbi.Progress], None]:
    """Have `work` done once, by a `progress` that hears of the publication."""
    left = [work]

    def progress(now: pbi.Progress) -> None:
        if now.waiting == "publishing" and left:
            left.pop()()

    return progress


@pytest.mark.parametrize("fault", ["busy", "lost", "taken"])
def test_an_upload_that_cannot_be_opened_leaves_those_of_the_same_login_alone(fault: str, slow: Emulator) -> None:
    library, route = slow.microstrategy, "MicroStrategy_CreateUpload"
    schemas = [pbi.DatasetSchema(name, ORDERS.tables, target="microstrategy") for name in ("One", "Two")]
    with client_of(library) as client, client_of(library) as other:
        one, two = (client.create_dataset(schema, attributes=["Id"]) for schema in schemas)

        def disturb() -> None:
            if fault == "taken":
                slow.fail_next(500, code="ERR002", message="There is an upload session already", route=route)
                with pytest.raises(pbi.ServiceError):
                    two.push(ROWS)
            else:
                slow.fail_next(503, route=route) if fault == "busy" else slow.drop_response(route=route)
                with suppress(pbi.PowerBIPushError):
                    two.push(ROWS)

        assert one.push(ROWS, progress=while_it_publishes(disturb)).confirmed == 2
        assert library.rows("One/Orders") == ROWS
        assert other.dataset("One").push(ROWS, policy="upsert").confirmed == 2
    assert calls(slow).count("POST auth/login") == 2


def test_a_client_that_is_closed_while_it_publishes_signs_in_no_more(slow: Emulator) -> None:
    client = client_of(slow.microstrategy)
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS, progress=while_it_publishes(client.close))
    assert result_of(raised.value).in_doubt == 2
    assert isinstance(raised.value.__cause__, pbi.ClosedError)
    assert slow.microstrategy.open_sessions == 0
    assert calls(slow).count("POST auth/login") == 1


def test_a_logout_that_fails_does_not_fail_what_was_done(
    powerbi: Emulator, microstrategy: MicroStrategy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "powerbi_push"), client_of(microstrategy) as client:
        client.datasets()
        powerbi.fail_next(403, body="<html>", route="/auth/logout")
    assert ["logging out: the service answered 403" in line for line in caplog.messages] == [True]
    client = client_of(microstrategy)
    client.datasets()
    powerbi.fail_next(403, body="<html>", route="/auth/logout")
    with pytest.raises(pbi.PermissionDeniedError):
        client.close()
