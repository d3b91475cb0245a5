"""Where tokens come from: every shape of credential, asked on one thread, and once for many waiters."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections import Counter
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import powerbi_push as pbi
from canaries import check
from conftest import arrived, check_account, make_table, meanwhile, orders, posts, wait_until
from fault_server import FaultServer, http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import AccessToken, Emulator

SCOPES = {
    "public": "https://analysis.windows.net/powerbi/api/.default",
    "usgov": "https://analysis.usgovcloudapi.net/powerbi/api/.default",
    "usgovhigh": "https://high.analysis.usgovcloudapi.net/powerbi/api/.default",
    "usgovdod": "https://mil.analysis.usgovcloudapi.net/powerbi/api/.default",
    "china": "https://analysis.chinacloudapi.cn/powerbi/api/.default",
}
EXPIRED = json.dumps({"error": {"code": "TokenExpired", "message": "Access token has expired"}})


def jwt(**claims: Any) -> str:
    """A token that tells something about itself."""
    parts = [{"alg": "none"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2ln"])


class Counting:
    """The emulator's credential, watched."""

    def __init__(self, emulator: Emulator) -> None:
        self._credential = emulator.credential
        self.scopes: list[tuple[str, ...]] = []
        self.threads: set[str] = set()

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return len(self.scopes)

    def get_token(self, *scopes: str) -> AccessToken:
        """Mint a token."""
        self.scopes.append(scopes)
        self.threads.add(threading.current_thread().name)
        return self._credential.get_token()


def equals(count: Callable[[], int], wanted: int) -> bool:
    return count() == wanted


def bearer(server: FaultServer) -> list[str]:
    """The tokens that came with the requests."""
    lines = [line for request in server.received for line in request.head.decode().split("\r\n")]
    return [line.split(": ")[1] for line in lines if line.lower().startswith("authorization: ")]


# Shapes.


def test_a_token_string_is_sent_as_it_is() -> None:
    with FaultServer() as server:
        server.table(credential="  opaque-token\n").push(orders(1))
        assert bearer(server) == ["Bearer opaque-token"] * 2


def token(emulator: Emulator) -> str:
    return emulator.credential.get_token().token


SHAPES: dict[str, Callable[[Emulator], Any]] = {
    "a string": token,
    "a callable": lambda emulator: lambda: token(emulator),
    "a callable with an end": lambda emulator: lambda: (token(emulator), time.time() + 3_600),
    "a callable with a whole end": lambda emulator: lambda: (token(emulator), int(time.time()) + 3_600),
    "a callable of azure-core": lambda emulator: emulator.credential.get_token,
    "an object": lambda emulator: emulator.credential,
    "an msal result": lambda emulator: {"access_token": token(emulator), "expires_in": 3_599, "token_type": "Bearer"},
    "an msal result without an end": lambda emulator: {"access_token": token(emulator)},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_credential_is_taken(powerbi: Emulator, shape: Callable[[Emulator], Any]) -> None:
    table = make_table(powerbi, credential=shape(powerbi))
    check_account(table.push(orders(3)), arrived(powerbi))


def test_an_object_whose_token_is_no_tuple_is_taken(powerbi: Emulator) -> None:
    class Info:
        def __init__(self, access: AccessToken) -> None:
            self.token, self.expires_on = access

    class Credential:
        def get_token(self, *_: str) -> Info:
            return Info(powerbi.credential.get_token())

    assert make_table(powerbi, credential=Credential()).push(orders(1)).ok


@pytest.mark.parametrize(("cloud", "scope"), SCOPES.items())
def test_get_token_is_asked_for_the_scope_of_the_cloud(powerbi: Emulator, cloud: str, scope: str) -> None:
    credential = Counting(powerbi)
    powerbi.client(credential=credential, cloud=cloud).datasets()
    assert credential.scopes == [(scope,)]


def test_no_token_is_fetched_before_the_first_request(powerbi: Emulator) -> None:
    credential = Counting(powerbi)
    client = powerbi.client(credential=credential)
    assert client.my_workspace.id is None
    assert credential.calls == 0


@pytest.mark.parametrize("credential", [b"token", 7, 0.5, [], object()])
def test_what_is_no_credential_is_told_by_its_type(credential: Any) -> None:
    with pytest.raises(pbi.ConfigurationError, match=type(credential).__name__) as caught:
        pbi.Client(credential)
    assert "get_token(scope)" in (caught.value.hint or "")


def test_an_msal_result_with_an_error_is_told_in_its_own_words() -> None:
    with pytest.raises(pbi.AuthenticationError, match="AADSTS7000215: Invalid client secret"):
        pbi.Client({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"})
    with pytest.raises(pbi.AuthenticationError, match="access_token"):
        pbi.Client({})


@pytest.mark.parametrize(
    "answer", [None, 7, b"token", {"access_token": "x"}, (), ("token",), ("token", "soon"), (None, 7), [1, 2]]
)
def test_what_is_no_token_is_an_authentication_error(powerbi: Emulator, answer: Any) -> None:
    client = powerbi.client(credential=lambda: answer)
    with pytest.raises(pbi.AuthenticationError) as caught:
        client.datasets()
    assert isinstance(caught.value.__cause__, TypeError)
    assert powerbi.requests == []


def test_a_credential_that_raises_is_an_authentication_error_because_of_it(powerbi: Emulator) -> None:
    class ClientAuthenticationError(Exception):
        """As azure-core has it."""

    def credential() -> str:
        message = "the browser was closed"
        raise ClientAuthenticationError(message)

    table = make_table(powerbi)
    other = powerbi.client(credential=credential).dataset
    with pytest.raises(pbi.AuthenticationError, match="ClientAuthenticationError: the browser was closed") as caught:
        other("Sales")
    assert isinstance(caught.value.__cause__, ClientAuthenticationError)
    assert posts(powerbi) == []
    assert table.push([]).ok


class Raising:
    """Raises when it is asked or called."""

    def __init__(self, raised: BaseException) -> None:
        self.raised = raised

    def __call__(self) -> str:
        """Raise it."""
        raise self.raised

    def get_token(self, *_: str) -> Any:
        """Raise it."""
        raise self.raised


class AsyncRaising(Raising):
    """The same on an event loop."""

    async def get_token(self, *_: str) -> Any:
        """Raise it."""
        raise self.raised


LEAVING = [KeyboardInterrupt, SystemExit, asyncio.CancelledError]


@pytest.mark.parametrize("leaves", LEAVING)
@pytest.mark.parametrize("shape", [Raising, lambda raised: Raising(raised).__call__], ids=["object", "function"])
def test_what_ends_more_than_a_call_stays_itself(powerbi: Emulator, leaves: Any, shape: Any) -> None:
    raised = leaves("now")
    client = powerbi.client(credential=shape(raised))
    for call in (client.datasets, lambda: asyncio.run(client.datasets_async())):
        with pytest.raises(leaves) as caught:
            call()
        assert caught.value is raised


def test_a_cancellation_of_an_awaited_credential_stays_one(powerbi: Emulator) -> None:
    client = powerbi.client(credential=AsyncRaising(asyncio.CancelledError()))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(client.datasets_async())


def test_a_push_that_a_credential_interrupts_brings_its_account(virtual: Emulator) -> None:
    good, interrupted = Counting(virtual), Event()

    class Interrupted:
        """Works until it is interrupted."""

        def get_token(self, *scopes: str) -> AccessToken:
            if interrupted.is_set():
                raise KeyboardInterrupt
            return good.get_token(*scopes)

    table = make_table(virtual, credential=Interrupted())
    interrupted.set()
    virtual.advance(3_600)
    with pytest.raises(KeyboardInterrupt) as caught:
        table.push(orders(3))
    assert caught.value.result.ranges == [(0, 3, "unsent")]  # type: ignore[attr-defined]
    assert posts(virtual) == []


@pytest.mark.parametrize("raised", [RuntimeError(f"no {jwt(sub='canary')}"), ValueError({"t": jwt(sub="canary")})])
def test_a_token_in_an_exception_is_not_repeated(powerbi: Emulator, raised: Exception) -> None:
    with pytest.raises(pbi.AuthenticationError, match=r"\*\*\*") as caught:
        powerbi.client(credential=Raising(raised)).datasets()
    assert jwt(sub="canary")[:20] not in str(caught.value)


def test_an_id_of_a_request_is_short_and_holds_no_secret() -> None:
    refusal = http(400, request_id=False, RequestId=f"canary-token {jwt(sub='canary')} {'x' * 5_000}")
    with FaultServer(refusal) as server, pytest.raises(pbi.ServiceError) as caught:
        server.table(credential="canary-token").push(orders(1))
    assert caught.value.request_id == f"*** *** {'x' * 92}…"


def test_a_token_in_the_error_of_msal_is_not_repeated() -> None:
    with pytest.raises(pbi.AuthenticationError, match=r"holds no token: no \*\*\* here") as caught:
        pbi.Client({"error": "invalid_grant", "error_description": f"no {jwt(sub='canary')}\r\nhere"})
    check(str(caught.value), jwt(sub="canary"))


def test_a_push_whose_credential_raises_leaves_its_rows_unsent(virtual: Emulator) -> None:
    good = Counting(virtual)

    class Failing:
        """Works until the table is there."""

        broken = False

        def get_token(self, *scopes: str) -> AccessToken:
            if self.broken:
                raise OSError
            return good.get_token(*scopes)

    credential = Failing()
    table = make_table(virtual, credential=credential)
    credential.broken = True
    virtual.advance(3_600)
    with pytest.raises(pbi.AuthenticationError) as caught:
        table.push(orders(25_000))
    assert isinstance(caught.value.__cause__, OSError)
    assert check_account(caught.value.result, arrived(virtual)).ranges == [(0, 25_000, "unsent")]
    assert posts(virtual) == []


# Ends.


def test_a_token_string_that_has_ended_is_not_sent(powerbi: Emulator) -> None:
    client = powerbi.client(credential=jwt(exp=int(time.time()) - 1))
    with pytest.raises(pbi.AuthenticationError, match="has ended") as caught:
        client.datasets()
    assert powerbi.requests == []
    assert "azure-identity" in (caught.value.hint or "")


def test_a_token_string_ends_while_time_passes(virtual: Emulator) -> None:
    table = make_table(virtual, credential=token(virtual))
    virtual.advance(3_601)
    before = len(virtual.requests)
    with pytest.raises(pbi.AuthenticationError, match="has ended") as caught:
        table.push(orders(3))
    assert check_account(caught.value.result, arrived(virtual)).unsent == 3
    assert len(virtual.requests) == before


def test_a_token_is_refreshed_five_minutes_before_its_end(virtual: Emulator) -> None:
    credential = Counting(virtual)
    table = make_table(virtual, credential=credential)
    assert credential.calls == 1
    virtual.advance(3_290)
    table.push(orders(1))
    assert credential.calls == 1
    virtual.advance(20)
    table.push(orders(1))
    assert credential.calls == 2
    table.push(orders(1))
    assert credential.calls == 2


def test_a_token_that_is_still_good_serves_while_refreshing_fails(virtual: Emulator) -> None:
    minted = virtual.credential.get_token()
    calls = 0

    def credential() -> tuple[str, int]:
        nonlocal calls
        calls += 1
        if calls > 1:
            message = "the authority is down"
            raise OSError(message)
        return minted

    table = make_table(virtual, credential=credential)
    virtual.advance(3_400)
    assert table.push(orders(3)).ok
    assert calls == 2
    virtual.advance(300)
    with pytest.raises(pbi.AuthenticationError, match="the authority is down"):
        table.push(orders(3))


# Refusals.


@pytest.mark.parametrize("ordered", [True, False])
def test_a_token_that_expires_in_the_middle_is_refreshed_once_for_all(
    virtual: Emulator,
    ordered: bool,  # noqa: FBT001 - pytest gives it by its name
) -> None:
    credential = Counting(virtual)
    table = make_table(virtual, credential=credential, ordered=ordered)
    virtual.expire_tokens()
    result = check_account(table.push(orders(100_000)), arrived(virtual))
    assert (result.confirmed, result.maybe_twice) == (100_000, 0)
    assert credential.calls == 2
    refused = [post for post in posts(virtual) if post.status == 403]
    assert 1 <= len(refused) <= (1 if ordered else 4)
    assert (result.requests, result.retries) == (10 + len(refused), len(refused))


@pytest.mark.parametrize(("status", "body"), [(401, None), (401, ""), (403, EXPIRED)])
def test_a_refused_token_is_replaced_and_the_rows_sent_again(virtual: Emulator, status: int, body: str | None) -> None:
    credential = Counting(virtual)
    table = make_table(virtual, credential=credential)
    virtual.fail_next(status, body=body, route="Datasets_PostRows")
    result = check_account(table.push(orders(3)), arrived(virtual))
    assert (result.confirmed, result.maybe_twice, result.requests, result.retries) == (3, 0, 2, 1)
    assert credential.calls == 2
    assert virtual.now == 0


@pytest.mark.parametrize(("status", "body"), [(401, ""), (403, EXPIRED)])
def test_a_token_that_is_refused_twice_ends_the_push(virtual: Emulator, status: int, body: str) -> None:
    credential = Counting(virtual)
    table = make_table(virtual, credential=credential, ordered=True)
    virtual.fail_next(status, body=body, route="Datasets_PostRows", times=1_000)
    with pytest.raises(pbi.AuthenticationError) as caught:
        table.push(orders(25_000))
    assert (caught.value.status, credential.calls, len(posts(virtual))) == (status, 2, 2)
    assert check_account(caught.value.result, arrived(virtual)).ranges == [(0, 25_000, "unsent")]


def test_tokens_that_expire_again_and_again_are_replaced_each_time(virtual: Emulator) -> None:
    credential = Counting(virtual)
    table = make_table(virtual, credential=credential, ordered=True)

    def answered() -> int:
        return sum(post.status == 200 for post in posts(virtual))

    def expiring() -> Iterator[Any]:
        """Before each request all tokens expire."""
        for number in range(5):
            wait_until(partial(equals, answered, number))
            virtual.expire_tokens()
            yield from orders(10_000, start=number * 10_000)

    result = check_account(table.push(expiring()), arrived(virtual))
    assert (result.confirmed, result.maybe_twice, result.retries) == (50_000, 0, 5)
    assert [post.status for post in posts(virtual)] == [403, 200] * 5
    assert credential.calls == 1 + 5


@pytest.mark.parametrize(("status", "body"), [(401, ""), (403, EXPIRED)])
def test_a_token_string_that_is_refused_cannot_be_replaced(virtual: Emulator, status: int, body: str) -> None:
    table = make_table(virtual, credential=token(virtual))
    virtual.fail_next(status, body=body, route="Datasets_PostRows")
    with pytest.raises(pbi.AuthenticationError) as caught:
        table.push(orders(3))
    assert len(posts(virtual)) == 1
    assert check_account(caught.value.result, arrived(virtual)).unsent == 3
    # What support asks for is there, whichever way the sign-in failed.
    assert (caught.value.status, caught.value.request_id is None) == (status, False)


def test_a_403_of_another_kind_asks_for_no_token(virtual: Emulator) -> None:
    credential = Counting(virtual)
    table = make_table(virtual, credential=credential)
    virtual.fail_next(403, route="Datasets_PostRows")
    with pytest.raises(pbi.PermissionDeniedError):
        table.push(orders(3))
    assert credential.calls == 1


@pytest.mark.parametrize(("status", "body"), [(401, ""), (403, EXPIRED)])
def test_an_operation_replaces_a_refused_token_once(powerbi: Emulator, status: int, body: str) -> None:
    credential = Counting(powerbi)
    client = powerbi.client(credential=credential)
    powerbi.fail_next(status, body=body)
    assert client.datasets() == []
    assert credential.calls == 2
    powerbi.fail_next(status, body=body, times=2)
    with pytest.raises(pbi.AuthenticationError) as caught:
        client.datasets()
    assert credential.calls == 3
    assert (caught.value.status, caught.value.request_id is None) == (status, False)


def test_many_threads_share_one_refresh(powerbi: Emulator) -> None:
    credential = Counting(powerbi)
    client = powerbi.client(credential=credential)
    ready = threading.Barrier(16)
    lists: list[list[pbi.Dataset]] = []

    def ask() -> None:
        ready.wait()
        lists.append(client.datasets())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lists == [[]] * 16
    assert credential.calls == 1


# Threads.


def test_one_named_thread_of_ours_asks_whoever_pushes(powerbi: Emulator) -> None:
    credential = Counting(powerbi)
    table = make_table(powerbi, credential=credential)
    powerbi.expire_tokens()
    with meanwhile(lambda: table.push(orders(3))):
        powerbi.client(credential=credential).datasets()
    assert credential.threads == {"powerbi-push-callbacks"}
    assert sum(thread.name == "powerbi-push-callbacks" for thread in threading.enumerate()) == 1


def test_credentials_are_never_called_two_at_a_time(powerbi: Emulator) -> None:
    inside = threading.Lock()

    def credential() -> str:
        assert inside.acquire(blocking=False)
        try:
            return token(powerbi)
        finally:
            inside.release()

    def ask() -> None:
        assert powerbi.client(credential=credential).datasets() == []

    with meanwhile(ask), meanwhile(ask), meanwhile(ask):
        ask()


def test_other_threads_run_while_a_credential_waits(powerbi: Emulator) -> None:
    asked, go = threading.Event(), threading.Event()

    def credential() -> str:
        asked.set()
        assert go.wait(30)
        return token(powerbi)

    client = powerbi.client(credential=credential)
    with meanwhile(client.datasets):
        assert asked.wait(30)
        assert powerbi.client(credential=token(powerbi)).datasets() == []
        go.set()


def test_a_credential_that_uses_its_own_client_is_refused_and_does_not_hang(powerbi: Emulator) -> None:
    clients: list[pbi.Client] = []

    def credential() -> str:
        clients[0].datasets()
        return token(powerbi)

    clients.append(powerbi.client(credential=credential))
    with pytest.raises(pbi.AuthenticationError, match="must not use the client") as caught:
        clients[0].datasets()
    assert isinstance(caught.value.__cause__, pbi.ConfigurationError)
    assert powerbi.requests == []


def test_after_a_refusal_a_later_token_is_used(powerbi: Emulator) -> None:
    tokens = ["wrong", "wrong too"]
    client = powerbi.client(credential=lambda: tokens.pop(0) if tokens else token(powerbi))
    with pytest.raises(pbi.ServiceError):
        client.datasets()
    assert client.datasets() == []


class Expiring(NamedTuple):
    """A token as some libraries give it, with more than two fields."""

    token: str
    expires_on: float
    refresh_on: float | None


def test_a_token_with_more_fields_is_read(powerbi: Emulator) -> None:
    client = powerbi.client(credential=lambda: Expiring(token(powerbi), time.time() + 60 * 60, None))
    assert client.datasets() == []


def test_the_token_goes_only_where_the_client_goes() -> None:
    with FaultServer() as other, FaultServer(http(307, Location=other.url)) as server:
        with pytest.raises(pbi.ServiceError):
            server.table(credential="opaque").push(orders(1))
        assert Counter(bearer(server)) == Counter({"Bearer opaque": 2})
        assert other.received == []
