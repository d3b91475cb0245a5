"""A token is in no place where somebody could read it: a canary is looked for wherever a fault could carry it."""

from __future__ import annotations

import io
import json
import logging
import pickle
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

import powerbi_push as pbi
from canaries import CANARY, check, everything_about
from conftest import SCHEMA, make_table, orders
from fault_server import CLOSE, RESET, Answer, FaultServer, closed_port, http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator


@pytest.fixture(autouse=True)
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, at the most talkative level; looked through at the end of each test."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setLevel(1)
    levels = {name: logging.getLogger(name).level for name in ("", "powerbi_push")}
    logging.getLogger().addHandler(handler)
    for name in levels:
        logging.getLogger(name).setLevel(1)
    yield stream
    logging.getLogger().removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    check(stream.getvalue())


FAULTS: dict[str, Answer] = {
    "401": http(401),
    "403": http(403, b'{"error":{"code":"TokenExpired","message":"no"}}'),
    "400": http(400, b"no"),
    "429": http(429),
    "500": http(500),
    "302": http(302, Location="https://example.org/"),
    "a web page": http(200, b"<html>", Content_Type="text/html"),
    "reset": RESET,
    "closed": CLOSE,
    "no HTTP": Answer(b"\x00\xff\r\n\r\n", "close"),
}

CREDENTIALS: dict[str, Callable[[], Any]] = {
    "a string": lambda: CANARY,
    "a callable": lambda: lambda: CANARY,
    "an msal result": lambda: {"access_token": CANARY},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
def test_no_fault_shows_the_token(fault: Answer, credential: Callable[[], Any]) -> None:
    with FaultServer(fault) as server:
        table = server.table(credential=credential(), retry=None)
        with pytest.raises(pbi.PowerBIPushError) as caught:
            table.push(orders(3))
        assert CANARY.encode() in server.posts[0].head
    check(everything_about(caught.value))
    check(pickle.dumps(caught.value).decode("latin-1"))
    check(repr(caught.value.result))


def test_an_answer_that_repeats_the_token_does_not_bring_it_into_the_error() -> None:
    with FaultServer(http(400, json.dumps({"message": f"bad token: Bearer {CANARY}"}).encode())) as server:
        with pytest.raises(pbi.ServiceError) as caught:
            server.table(credential=CANARY).push(orders(1))
        check(everything_about(caught.value))


def test_a_host_that_is_not_there_shows_no_token() -> None:
    with pytest.raises(pbi.TransportError) as caught:
        pbi.Client(CANARY, base_url=closed_port(), retry=None).datasets()
    check(everything_about(caught.value))


@pytest.mark.parametrize("tail", ["\r\nX-Evil: 1", "\n x", "\x00", "ü", "\x7f"])
def test_a_token_that_no_header_can_carry_is_neither_sent_nor_shown(tail: str) -> None:
    with FaultServer() as server:
        try:
            pbi.Client(CANARY + tail + "end", base_url=server.url, retry=None).datasets()
        except pbi.PowerBIPushError as error:
            check(everything_about(error))
        else:
            # Letters beyond ASCII may go as they are; a line break must not.
            assert tail == "ü"
        assert not [request for request in server.received if b"x-evil" in request.head.lower()]


@pytest.mark.parametrize("give", [lambda token: token, lambda token: lambda: token, lambda token: lambda: (token, 1)])
def test_a_token_that_is_no_text_shows_nothing(give: Callable[[str], Any]) -> None:
    with FaultServer() as server:
        with pytest.raises((pbi.PowerBIPushError, ValueError)) as caught:
            pbi.Client(give(CANARY + "\udc80"), base_url=server.url, retry=None).datasets()
        check(everything_about(caught.value))
        assert server.received == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://example.org"},
        {"cloud": "none"},
        {"timeout": 0},
        {"retry": "x"},
        {"proxy": "["},
        {"ca_bundle": "/nowhere.pem"},
        {"timeout": object()},
    ],
)
@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_client_that_cannot_be_made_leaves_the_token_in_no_traceback(
    wrong: dict[str, Any], credential: Callable[[], Any]
) -> None:
    with pytest.raises(pbi.ConfigurationError) as caught:
        pbi.Client(credential(), **wrong)
    check(everything_about(caught.value))


def test_nothing_that_holds_a_sign_in_shows_it(powerbi: Emulator) -> None:
    token = powerbi.credential.get_token().token
    table = make_table(powerbi, credential=token)
    table.push(orders(1))
    client = powerbi.client(credential=token)
    for held in (client, client.my_workspace, table.dataset, table, client._core, powerbi.credential):  # noqa: SLF001
        check(repr(held) + str(held) + f"{held}" + repr(dir(held)), token)
        check(repr(getattr(held, "__dict__", {})), token)
        with pytest.raises(TypeError):
            pickle.dumps(held)


def test_the_emulator_shows_no_token(powerbi: Emulator) -> None:
    token = powerbi.credential.get_token().token
    make_table(powerbi, credential=token).push(orders(1))
    with pytest.raises(pbi.ServiceError):
        powerbi.client(credential=CANARY).datasets()
    with urlopen(powerbi.url) as answer:  # noqa: S310 - it is http
        page = answer.read().decode()
    for secret in (token, CANARY):
        check(repr(powerbi.requests), secret)
        check(page, secret)
        check(repr(powerbi), secret)


def test_a_raising_credential_does_not_bring_its_own_locals_into_our_frames(powerbi: Emulator) -> None:
    def credential() -> str:
        secret = CANARY
        assert secret
        raise OSError

    with pytest.raises(pbi.AuthenticationError) as caught:
        powerbi.client(credential=credential).datasets()
    check(everything_about(caught.value))


def test_no_referer_is_sent_and_no_more_than_is_needed() -> None:
    with FaultServer() as server:
        server.table(credential=CANARY).push(orders(1))
        heads = [request.head.decode().lower() for request in server.received]
    names = [{line.split(":")[0] for line in head.split("\r\n")[1:] if line} for head in heads]
    assert names[0] <= {"authorization", "user-agent", "accept", "host", "content-length"}
    assert names[1] == names[0] | {"content-type", "content-length"}
    assert all("cookie" not in head and "referer" not in head for head in heads)
    assert all(CANARY not in head.split("\r\n")[0] for head in heads)


def test_a_redirect_gets_neither_the_token_nor_the_rows() -> None:
    with FaultServer() as trap:
        for status in (301, 302, 303, 307, 308):
            for location in (trap.url, f"{trap.url}/rows", trap.url.replace("http:", "")):
                with FaultServer(http(status, Location=location)) as server, pytest.raises(pbi.ServiceError) as caught:
                    server.table(credential=CANARY).push(orders(1))
                check(everything_about(caught.value))
        assert trap.received == []


def test_a_redirected_operation_goes_nowhere(powerbi: Emulator) -> None:
    client = powerbi.client(credential=powerbi.credential.get_token().token)
    powerbi.fail_next(307)
    with pytest.raises(pbi.ServiceError, match="307") as caught:
        client.datasets()
    assert "redirects are never followed" in (caught.value.hint or "")
    assert len(powerbi.requests) == 1


def test_cookies_are_not_kept() -> None:
    with FaultServer(http(200, Set_Cookie="session=1; Path=/")) as server:
        table = server.table(credential=CANARY)
        table.push(orders(1))
        table.push(orders(1))
        assert b"cookie" not in server.posts[-1].head.lower()


def test_a_row_brings_no_values_into_errors_where_they_are_to_be_hidden(
    powerbi: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It looks like no secret: those are hidden anyway.
    name = "Jane Doe of Bath"
    table = powerbi.client().create_dataset(SCHEMA).table()
    rows = [{"Id": name, "Item": name.encode()}]
    with pytest.raises(pbi.ValidationError, match=name):
        table.push(rows)
    monkeypatch.setenv("POWERBI_PUSH_HIDE_VALUES", "1")
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(rows)
    check(str(caught.value) + repr(caught.value.errors) + repr(caught.value.result), name)
