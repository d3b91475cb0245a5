"""Processes that fork, spawn, end early or hold several interpreters: nothing hangs, is lost or panics."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from conftest import SCHEMA, WATCHDOG, arrived, in_a_child, make_table, orders
from fault_server import SILENCE, FaultServer
from powerbi_push import Client
from programs import ASKED, PREFACE, PUSHING

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

TIMES = 5


def run(program: str, *arguments: str, code: int = 0, before: str = "") -> str:
    """Run a program of its own: it ends by itself, with `code`, and with no complaint."""
    text = dedent(before) + PREFACE + dedent(program)
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-c", text, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=False)
    for complaint in ("panicked", "Fatal", "fatal", "Traceback", "Exception ignored", "FATAL"):
        assert complaint not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    return done.stdout


# Forks.


@pytest.mark.parametrize("number", range(TIMES))
def test_a_forked_child_makes_its_own_client_and_pushes(powerbi: Emulator, number: int) -> None:
    table = make_table(powerbi)
    table.push(orders(1))
    token, url = powerbi.credential.get_token().token, powerbi.url

    def child() -> None:
        client = Client(token, base_url=url)
        assert client.dataset("Sales").table("Orders").push(orders(3, start=100)).ok

    in_a_child(child)
    assert table.push(orders(1, start=200 + number)).ok
    assert set(arrived(powerbi)) == {0, 100, 101, 102, 200 + number}


@pytest.mark.parametrize("number", range(TIMES))
def test_a_forked_child_has_its_own_thread_for_credentials(powerbi: Emulator, number: int) -> None:
    token, url = powerbi.credential.get_token().token, powerbi.url
    asked_in: list[int] = []

    def credential() -> str:
        asked_in.append(os.getpid())
        return token

    assert Client(credential, base_url=url).datasets() == []

    def child() -> None:
        assert Client(credential, base_url=url).datasets() == []
        assert asked_in[-1] == os.getpid()
        assert threading.active_count() <= 2

    in_a_child(child)
    assert Client(credential, base_url=url).datasets() == []
    assert asked_in == [os.getpid()] * 2, number


def test_a_client_of_the_parent_works_in_a_forked_child(powerbi: Emulator) -> None:
    token = powerbi.credential.get_token().token
    table = make_table(powerbi, credential=token)
    table.push(orders(1))
    in_a_child(lambda: table.push(orders(1, start=1)))
    assert table.push(orders(1, start=2)).ok
    assert sorted(arrived(powerbi)) == [0, 1, 2]


def test_a_client_of_the_parent_finds_its_credential_in_a_forked_child(powerbi: Emulator) -> None:
    token = powerbi.credential.get_token().token
    client = powerbi.client(credential=lambda: token)
    in_a_child(client.datasets)
    assert client.datasets() == []


def test_a_fork_in_the_middle_of_a_push_disturbs_neither(powerbi: Emulator) -> None:
    token, url = powerbi.credential.get_token().token, powerbi.url
    table = make_table(powerbi)

    def child() -> None:
        assert Client(token, base_url=url).dataset("Sales").table("Orders").push(orders(1, start=100_000)).ok

    def forking() -> object:
        yield from orders(15_000)
        in_a_child(child)
        yield from orders(5_000, start=15_000)

    assert table.push(forking()).confirmed == 20_000
    assert sorted(arrived(powerbi)) == [*range(20_000), 100_000]


def test_a_child_that_ends_while_it_pushes_leaves_the_parent_alone(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push(orders(1))
    with FaultServer(SILENCE) as server:
        url = server.url

        def child() -> None:
            del os.environ["POWERBI_PUSH_EMULATOR"]  # beside which no other server is asked
            hanging = Client("opaque", base_url=url)
            threading.Thread(target=hanging.datasets, daemon=True).start()

        in_a_child(child)
    assert table.push(orders(1, start=1)).ok


def _push_in_a_process(url: str, token: str, start: int) -> int:
    return Client(token, base_url=url).dataset("Sales").table("Orders").push(orders(5, start=start)).confirmed


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_pool_of_processes_pushes_together(powerbi: Emulator, method: str) -> None:
    make_table(powerbi)
    token = powerbi.credential.get_token().token
    with multiprocessing.get_context(method).Pool(2) as pool:
        work = [(powerbi.url, token, start) for start in range(0, 20, 5)]
        assert pool.starmap_async(_push_in_a_process, work).get(WATCHDOG) == [5, 5, 5, 5]
    assert sorted(arrived(powerbi)) == list(range(20))


# Exits.

EXITS = {
    "with everything open": """
        emulator = Emulator()
        client = emulator.client()
        client.create_dataset(SCHEMA).table().push([{"Id": 1}])
    """,
    "with sys.exit in a block": """
        with Emulator(clock="virtual") as emulator:
            emulator.client().create_dataset(SCHEMA).table().push([{"Id": 1}])
            sys.exit(0)
    """,
    "with a credential that was never asked": """
        client = pbi.Client(lambda: "opaque", base_url="http://127.0.0.1:1")
    """,
    "with a daemon thread that waits for an answer": """
        import socket
        listener = socket.create_server(("127.0.0.1", 0))
        client = pbi.Client("opaque", base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=quietly, args=(client.datasets,), daemon=True).start()
        connection, _ = listener.accept()
        connection.recv(1)
    """,
    "with daemon threads that push": """
        emulator = Emulator()
        table = emulator.client().create_dataset(SCHEMA).table()
    """
    + PUSHING,
    "with a daemon thread that waits out a quota": """
        emulator = Emulator()
        table = emulator.client().create_dataset(SCHEMA).table()
        emulator.fail_next(429, retry_after=3392, route="Datasets_PostRows")
        threading.Thread(target=lambda: quietly(lambda: table.push([{"Id": 1}])), daemon=True).start()
        while len(emulator.requests) < 3:
            threading.Event().wait(0.001)
    """,
    "with a credential that is being asked": ASKED,
    "with a push at exit": """
        import atexit
        emulator = Emulator()
        table = emulator.client(credential=emulator.credential.get_token().token).create_dataset(SCHEMA).table()
        atexit.register(lambda: table.push([{"Id": 1}]))
    """,
    "with a cycle of everything": """
        emulator = Emulator()
        client = emulator.client()
        cycle = [emulator, client]
        cycle.append(cycle)
        del emulator, client
    """,
}


@pytest.mark.parametrize("program", EXITS.values(), ids=EXITS)
def test_an_interpreter_ends_well_and_soon(program: str) -> None:
    begun = time.monotonic()
    for _ in range(2):
        run(program)
    # Some 0.3 s each, most of it the start; a call that waits is sent home within a twentieth of a second. The watchdog
    # is what an exit may take at most: five seconds of patience, and one.
    assert time.monotonic() - begun < 2 * 6


@pytest.mark.parametrize("number", range(TIMES))
def test_an_interpreter_ends_well_while_threads_push(number: int) -> None:
    del number
    run(EXITS["with daemon threads that push"])


def test_a_client_that_is_used_after_the_callback_threads_left_says_so() -> None:
    before = """
        import atexit
        def late():
            try:
                client.datasets()
            except pbi.ClosedError as error:
                print("closed:", error)
            emulator.close()
        atexit.register(late)  # what is registered first runs last
    """
    program = """
        emulator = Emulator()
        client = emulator.client()
        client.datasets()
    """
    assert run(program, before=before).startswith("closed: Python is shutting down")


def test_what_runs_at_exit_can_use_everything_until_then() -> None:
    program = """
        import atexit
        def late():
            print(client.create_dataset(SCHEMA).table().push({"Id": number} for number in range(3)).confirmed)
        atexit.register(late)
        emulator = Emulator()
        client = emulator.client()
    """
    assert run(program) == "3\n"


def test_an_unhandled_error_ends_the_program_with_1() -> None:
    command = PREFACE + 'pbi.Client("opaque", base_url="http://127.0.0.1:1", retry=None).datasets()'
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, timeout=WATCHDOG, check=False
    )
    assert done.returncode == 1
    assert "powerbi_push.exceptions.TransportError: could not connect" in done.stderr
    assert "hint: " in done.stderr


def test_ctrl_c_ends_a_program_that_pushes() -> None:
    program = PREFACE + dedent("""
        emulator = Emulator()
        table = emulator.client().create_dataset(SCHEMA).table()
        emulator.fail_next(429, retry_after=3392, route="Datasets_PostRows")
        def tell():
            while len(emulator.requests) < 3:
                threading.Event().wait(0.001)
            print("waiting", flush=True)
        threading.Thread(target=tell).start()
        table.push([{"Id": 1}])
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=WATCHDOG)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in complaint
    assert "1 row read: 1 unsent" in complaint


# Interpreters and imports.


def test_another_interpreter_is_refused_and_the_first_goes_on() -> None:
    program = """
        import importlib
        for name in ("_interpreters", "_xxsubinterpreters"):
            try:
                interpreters = importlib.import_module(name)
                break
            except ImportError:
                pass
        script = "try:\\n    import powerbi_push\\nexcept ImportError as error:\\n    print(error)\\n"
        other = interpreters.create()
        print(interpreters.run_string(other, script))
        interpreters.destroy(other)
        with Emulator() as emulator:
            print(emulator.client().create_dataset(SCHEMA).table().push([{"Id": 1}]).confirmed)
    """
    refusal = "powerbi_push cannot be used in a subinterpreter: use threads or processes"
    assert run(program).splitlines() == [refusal, "None", "1"]


def test_importing_brings_no_thread_and_no_foreign_module() -> None:
    program = """
        print(threading.active_count())
        heavy = {"pandas", "polars", "pyarrow", "numpy", "azure", "tqdm", "click", "pytest", "asyncio"}
        print(sorted(heavy & set(sys.modules)))
    """
    assert run(program).splitlines() == ["1", "[]"]


def test_nothing_is_printed() -> None:
    program = """
        with Emulator() as emulator:
            emulator.client().create_dataset(SCHEMA).table().push([{"Id": 1}])
            emulator.fail_next(403)
            try:
                emulator.client().datasets()
            except pbi.PermissionDeniedError:
                pass
    """
    assert run(program) == ""


def test_one_process_many_threads_each_with_its_client(powerbi: Emulator) -> None:
    make_table(powerbi)
    ready = threading.Barrier(8)
    failures: list[BaseException] = []

    def push(start: int) -> None:
        try:
            ready.wait()
            table = powerbi.client().dataset("Sales").table("Orders", SCHEMA.tables[0])
            assert table.push(orders(500, start=start)).ok
        except BaseException as failure:  # noqa: BLE001 - told below
            failures.append(failure)

    threads = [threading.Thread(target=push, args=(number * 500,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WATCHDOG)
    assert failures == []
    assert sorted(arrived(powerbi)) == list(range(4_000))
    assert arrived(powerbi).total() == 4_000
