"""What several files of tests share: a local Power BI on virtual time, rows to push, and the accounts of a push."""

from __future__ import annotations

import os
import re
import signal
import warnings
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from entra_server import EntraServer
from library_session import LibrarySession
from powerbi_push import ClosedError, Column, DatasetSchema, Retry, TableSchema
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fault_server import FaultServer
    from powerbi_push import PushResult, Sender, Table
    from powerbi_push.emulator import MicroStrategy

WATCHDOG = 30.0
"""Seconds of real time after which something hangs; nothing is measured with it."""

QUICK = Retry(first_delay=0.001, max_delay=0.001)
"""For tests that cannot have virtual time."""

SCHEMA = DatasetSchema("Sales", [TableSchema("Orders", [Column("Id", int), Column("Item", str)])])


def named(value: object) -> str:
    """Name a parameter in the name of its test, alike in every process: where an object lies is left out."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value) if isinstance(value, type) else repr(value))


def orders(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows whose `Id` is their place, so that each can be found again."""
    return [{"Id": number} for number in range(start, start + count)]


def make_table(emulator: Emulator, *, ordered: bool = False, **options: Any) -> Table:
    """Make the table `Sales/Orders`."""
    dataset = emulator.client(**options).create_dataset(SCHEMA)
    return dataset.table("Orders", ordered=ordered)


def arrived(emulator: Emulator, target: Any = "Sales/Orders") -> Counter[int]:
    """How often each `Id` is there."""
    return Counter(row["Id"] for row in emulator.rows(target))


def posts(emulator: Emulator) -> list[Any]:
    """The requests that carried rows."""
    return [request for request in emulator.requests if (request.operation or "").startswith("Datasets_PostRows")]


def rows_in(result: PushResult, state: str) -> set[int]:
    """The numbers of the rows in `state`."""
    return {row for start, stop, known in result.ranges if known == state for row in range(start, stop)}


def check_account(result: PushResult | None, there: Counter[int], skipped: Iterable[int] = ()) -> PushResult:
    """Hold the account of a push, whose row number n has the Id n, against what is `there`."""
    assert result is not None
    assert result.read == result.confirmed + result.rejected + result.in_doubt + result.unsent
    check_ranges(result, set(skipped))
    confirmed, in_doubt = rows_in(result, "confirmed"), rows_in(result, "in_doubt")
    assert confirmed <= set(there) <= confirmed | in_doubt
    assert sum(there[row] > 1 for row in confirmed) <= result.maybe_twice <= result.confirmed
    return result


def check_ranges(result: PushResult, skipped: set[int]) -> None:
    """The ranges cover all rows, in order, each once, and agree with the counts."""
    edges = [0, *(edge for start, stop, _ in result.ranges for edge in (start, stop)), result.read]
    assert edges[::2] == edges[1::2]
    assert all(start < stop for start, stop, _ in result.ranges)
    assert all(left[2] != right[2] for left, right in pairwise(result.ranges))
    counts = {state: len(rows_in(result, state)) for state in ("confirmed", "rejected", "in_doubt", "unsent")}
    assert counts == {state: getattr(result, state) for state in counts}
    open_rows = set(range(result.read)) - rows_in(result, "confirmed") - skipped
    assert result.resume_from == min(open_rows, default=result.read)
    assert result.ok is bool(result) is (result.confirmed == result.read)


@contextmanager
def time_passing(emulator: Emulator, server: FaultServer, seconds: float) -> Iterator[None]:
    """Let so much virtual time pass again and again during the block, once `server` has a request."""
    over = Event()

    def pass_time() -> None:
        server.wait_for_posts(1)
        while not over.wait(0.005):
            emulator.advance(seconds)

    with meanwhile(pass_time):
        try:
            yield
        finally:
            over.set()


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do `work` on another thread during the block; its failure is the block's."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 - raised again below
            failures.append(failure)

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(WATCHDOG)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def wait_until(claim: Callable[[], object]) -> None:
    """Give other threads the processor until `claim` holds."""
    patience = Event()
    for _ in range(int(WATCHDOG * 1_000)):
        if claim():
            return
        patience.wait(0.001)
    pytest.fail("it never came")


def begin_child(work: Callable[[], object], watchdog: int = 5) -> int:
    """Fork, and do `work` in the child, which then ends well; an alarm ends it after `watchdog` seconds."""
    with warnings.catch_warnings():
        # Python warns of forks beside threads since 3.12: that such a fork works is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(watchdog)
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def in_a_child(work: Callable[[], object]) -> None:
    """Fork, and do `work` in the child; it must end well and soon."""
    _, status = os.waitpid(begin_child(work), 0)
    assert os.waitstatus_to_exitcode(status) == 0


def check_parents_sender(sender: Sender) -> None:
    """A sender of the process that this one was forked from takes no row, and can be closed."""
    with pytest.raises(ClosedError, match="forked"):
        sender.send({"Id": 2})
    assert sender.close() is None


@pytest.fixture(autouse=True)
def _no_sign_in_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test finds what the machine's own environment signs in with."""
    azure = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "CLIENT_CERTIFICATE_PATH", "CLIENT_CERTIFICATE_PASSWORD")
    for name in (*azure, "AUTHORITY_HOST", "FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(f"AZURE_{name}", raising=False)
    for name in ("ENDPOINT", "HEADER", "SERVER_THUMBPRINT"):
        monkeypatch.delenv(f"IDENTITY_{name}", raising=False)
    for name in ("IMDS_ENDPOINT", "ACTIONS_ID_TOKEN_REQUEST_URL", "POWERBI_PUSH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    # Nothing leaves the machine: nobody listens there.
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    # Nor has anybody signed in with `powerbi-push login`, another test least of all.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / f"state-{uuid4().hex}"))


@pytest.fixture
def virtual() -> Iterator[Emulator]:
    """A local Power BI whose time passes only when nothing else can happen."""
    with Emulator(clock="virtual") as emulator:
        yield emulator


@pytest.fixture
def entra() -> Iterator[EntraServer]:
    """A server that signs everybody in."""
    with EntraServer() as server:
        yield server


@pytest.fixture
def library(microstrategy: MicroStrategy) -> LibrarySession:
    """A session of the emulator's MicroStrategy, logged in."""
    session = LibrarySession(microstrategy)
    assert session.login().status == 204
    return session
