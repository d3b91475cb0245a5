"""Programs that end while a daemon's thread runs the user's code below ours: one for each way into the core."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

#: What an interpreter that ends well never says.
COMPLAINTS = (
    "panicked",
    "Fatal",
    "FATAL",
    "Exception ignored",
    "not initialized",
    "Segmentation",
    "bug of powerbi_push",
)

PREFACE = """
import asyncio, logging, sys, threading, time
import powerbi_push as pbi
from powerbi_push.emulator import Emulator

PAUSE = float(sys.argv[1])
TABLE = pbi.TableSchema("Orders", {"Id": int})
SCHEMA = pbi.DatasetSchema("Sales", [TABLE])
begun = threading.Event()

class Last:
    def __del__(self, sleep=time.sleep):
        sleep(0.2)  # Python gives its threads away here, one after the other, as each asks for the GIL

sys.last = Last()  # goes with sys, when Python has ended for everybody else

def pause():
    begun.set()
    time.sleep(PAUSE)  # Python gives the GIL away, and asks for it again while it ends

def rows():
    while True:
        yield {"Id": 1}
        pause()

class Row:
    def keys(self):
        pause()
        return ["Id"]
    def __getitem__(self, key):
        return 1

def many():
    return [Row()] * 100_000

def table(emulator=None, **options):
    emulator = emulator or Emulator(limits=False)
    return emulator.client(quotas=None, **options).create_dataset(SCHEMA).table()

def daemon(work):
    def quietly():
        try:
            work()
        except pbi.PowerBIPushError:
            pass  # how its call ends while Python goes is not the matter
    threading.Thread(target=quietly, daemon=True).start()

def again(work):
    def always():
        while True:
            work()
    daemon(always)
"""

#: What each thread is busy with.
KINDS = {
    "validate(generator)": "daemon(lambda: TABLE.validate(rows()))",
    "payloads(generator)": "daemon(lambda: list(TABLE.payloads(rows())))",
    "infer(generator)": 'daemon(lambda: pbi.TableSchema.infer("Orders", rows()))',
    "validate(mappings)": "daemon(lambda: TABLE.validate(many()))",
    "payloads(mappings)": "daemon(lambda: list(TABLE.payloads(many())))",
    "a list that shows other rows": """
        class Shown(list):
            def __iter__(self):
                return rows()
        daemon(lambda: TABLE.validate(Shown()))
    """,
    "send": "sender = table().sender(); again(lambda: sender.send(Row()))",
    "send to the disk": """
        import tempfile
        sender = table().sender(outbox=tempfile.mkdtemp() + "/o.db")
        again(lambda: sender.send(Row()))
    """,
    "send_many": "sender = table().sender(); daemon(lambda: sender.send_many(rows()))",
    "push(generator)": "target = table(); daemon(lambda: target.push(rows()))",
    "push(generator) that makes a dataset": """
        emulator = Emulator(limits=False)
        sign_in = {"credential": emulator.credential, "base_url": emulator.url}
        daemon(lambda: pbi.push(rows(), "Sales/Orders", create=True, **sign_in))
    """,
    "keys without end": """
        class Endless(Row):
            def keys(self):
                while True:
                    yield "Id"
                    pause()
        daemon(lambda: TABLE.validate([Endless()]))
    """,
    "columns without end": """
        def columns():
            while True:
                yield pbi.Column("Id", int)
                pause()
        daemon(lambda: pbi.TableSchema("Orders", columns()))
    """,
    "plan": "target = table(); daemon(lambda: target.plan(many()))",
    "the first push_async": """
        target = table()
        async def push():
            begun.set()
            await target.push_async([{"Id": 1}])
        daemon(lambda: asyncio.run(push()))
    """,
    "push_async(mappings)": "target = table(); daemon(lambda: asyncio.run(target.push_async(many())))",
    "push_async(async rows)": """
        async def awaited():
            while True:
                yield Row()
                await asyncio.sleep(0)
        target = table()
        daemon(lambda: asyncio.run(target.push_async(awaited())))
    """,
    "a slow credential": """
        def credential():
            pause()
            return "opaque"
        def ask():
            try:
                pbi.Client(credential, base_url="http://127.0.0.1:1", retry=None).datasets()
            except pbi.TransportError:
                pass
        again(ask)
    """,
    "a credential that raises": """
        class Refusal(Exception):
            def __str__(self):
                pause()
                return "no"
        def credential():
            pause()
            raise Refusal
        def ask():
            try:
                pbi.Client(credential, base_url="http://127.0.0.1:1", retry=None).datasets()
            except pbi.AuthenticationError:
                pass
        again(ask)
    """,
    "a client of a slow credential": """
        class Credential:
            def __getattr__(self, name):
                pause()
                raise AttributeError(name)
            def __call__(self):
                return "opaque"
        again(lambda: pbi.Client(Credential()))
    """,
    "progress": """
        target = table()
        again(lambda: target.push([{"Id": 1}] * 20_000, progress=lambda result: pause()))
    """,
    "on_error": """
        emulator = Emulator(limits=False)
        target = table(emulator)
        emulator.fail_next(403, times=10**6, route="Datasets_PostRows")
        sender = target.sender(max_delay=0.001, close_timeout=0.01, on_error=lambda error: pause())
        def send():
            try:
                sender.send({"Id": 1})
            except pbi.ClosedError:
                time.sleep(1.0)
        again(send)
    """,
    "a handler of the log": """
        class Slow(logging.Handler):
            def emit(self, record):
                pause()
        logging.getLogger("powerbi_push").addHandler(Slow())
        emulator = Emulator()
        target = table(emulator)
        emulator.fail_next(429, times=10**6, retry_after=3_600, route="Datasets_PostRows")
        daemon(lambda: target.push([{"Id": 1}]))
    """,
    "an export": """
        import tempfile
        path = tempfile.mkdtemp() + "/o.db"
        emulator = Emulator()
        target = table(emulator)
        emulator.fail_next(429, times=10**6, retry_after=3_600, route="Datasets_PostRows")
        with target.sender(outbox=path, close_timeout=0.01) as sender:
            sender.send_many([{"Id": number} for number in range(20_000)])
        class Slow:
            def write(self, data):
                pause()
        again(lambda: pbi.Outbox(path).export(Slow()))
    """,
    "what rows do when they are let go": """
        def tidy():
            try:
                yield from ({"Id": number} for number in range(2_000_000))
            finally:
                pause()
        def begin():
            payloads = iter(TABLE.payloads(tidy()))
            next(payloads)
            del payloads
        again(begin)
    """,
    "calls of the emulator": """
        emulator = Emulator(limits=False)
        table(emulator).push([{"Id": number} for number in range(20_000)])
        begun.set()
        again(lambda: (emulator.rows("Sales/Orders"), emulator.requests))
    """,
    "threads that Python's threading did not start": """
        import _thread
        _thread.start_new_thread(lambda: TABLE.validate(rows()), ())
    """,
}

#: Kinds that need what only the development environment has.
WITH_FRAMES = {
    "an Arrow stream": """
        import pyarrow as pa
        schema = pa.schema([("Id", pa.int64())])
        def batches():
            while True:
                yield pa.record_batch({"Id": [1, 2]}, schema=schema)
                pause()
        class Stream:
            def __init__(self, reader):
                self.reader = reader
            def __arrow_c_stream__(self, requested_schema=None):
                return self.reader.__arrow_c_stream__(requested_schema)
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        daemon(lambda: TABLE.validate(Stream(reader)))
    """,
    "a reader of Arrow that makes a dataset": """
        import pyarrow as pa
        schema = pa.schema([("Id", pa.int64())])
        def batches():
            while True:
                yield pa.record_batch({"Id": [1, 2]}, schema=schema)
                pause()
        emulator = Emulator(limits=False)
        sign_in = {"credential": emulator.credential, "base_url": emulator.url}
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        daemon(lambda: pbi.push(reader, "Sales/Orders", create=True, **sign_in))
    """,
    "a frame of slow objects": """
        import enum
        import pandas as pd
        class Lazy(enum.Enum):
            ONE = 1
            @property
            def value(self):
                pause()
                return 1
        frame = pd.DataFrame({"Id": pd.Series([Lazy.ONE] * 50_000, dtype=object)})
        daemon(lambda: TABLE.validate(frame))
    """,
}


def end(program: str, pause: float, python: str = sys.executable) -> subprocess.Popen[str]:
    """Start a program of one of these kinds, which ends by itself once its thread is in the user's code."""
    text = f"{PREFACE}\n{dedent(program)}\nbegun.wait()\n"
    command = [python, "-W", "ignore", "-c", text, str(pause)]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def complaints(process: subprocess.Popen[str], patience: float) -> str:
    """Wait for its end; answer what it had to complain of, and nothing where it ended well."""
    try:
        _, said = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return f"it hangs; {process.communicate()[1]}"
    if process.returncode == 0 and not any(word in said for word in COMPLAINTS):
        return ""
    return f"{process.returncode}: {said}"
