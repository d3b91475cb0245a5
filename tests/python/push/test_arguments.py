"""Every public argument is judged where it is given: all of them times what they are not, out of the signatures."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import inspect
import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any, is_typeddict

import numpy as np
import pytest

import powerbi_push as pbi
from certificates import pair
from conftest import SCHEMA, make_table, orders
from powerbi_push.delivery.sender import open_senders
from powerbi_push.emulator import Emulator, EmulatorCredential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Hostile(str):
    """A text whose every method raises."""

    __slots__ = ()


def _raise(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


for _name in ("strip", "lstrip", "lower", "split", "startswith", "removeprefix", "__eq__", "__hash__", "__repr__"):
    setattr(Hostile, _name, _raise)
for _name in ("__str__", "__len__", "__bool__", "__iter__", "__contains__", "__getitem__", "__format__"):
    setattr(Hostile, _name, _raise)


class Prickly:
    """An object that raises whatever it is asked for."""

    __bool__ = __len__ = __iter__ = __eq__ = __hash__ = __repr__ = __str__ = __index__ = __float__ = _raise

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError


class Classless:
    """An object that cannot even be asked what it is."""

    __class__ = property(_raise)


class Plain:
    """A class that takes anything."""

    def __init__(self, *_: Any) -> None:
        pass


class Word(enum.Enum):
    """An enumeration of one."""

    ONE = "x"


WRONG: dict[str, Any] = {
    "None": None,
    "1": 1,
    "-1": -1,
    "1.5": 1.5,
    "nan": math.nan,
    "inf": math.inf,
    "True": True,
    "no text": "",
    "x": "x",
    "a lone surrogate": "\ud800",
    "a NUL": "a\0b",
    "bytes": b"x",
    "an empty list": [],
    "a list of texts": ["a", "b"],
    "a list of lists": [[1]],
    "a tuple": ("a",),
    "a set": {"a"},
    "a dict": {},
    "a dict of numbers": {1: 2},
    "an object": object(),
    "a function": lambda *_: None,
    "a class": Plain,
    "a huge number": 10**400,
    "a hostile text": Hostile("x"),
    "a prickly object": Prickly(),
    "an object without a class": Classless(),
    "a number of numpy": np.int64(-3),
    "a path to nowhere": "a/b/c",
    "an enum": Word.ONE,
    "a schema": SCHEMA,
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


Make = "Callable[[Emulator, Path], tuple[Callable[..., Any], dict[str, Any]]]"


def table_of(emulator: Emulator) -> pbi.Table:
    emulator.reset()
    return make_table(emulator, retry=None)


def client_of(emulator: Emulator) -> pbi.Client:
    emulator.reset()
    return emulator.client(retry=None)


def stream_of(emulator: Emulator) -> pbi.StreamingDataset:
    emulator.reset()
    return pbi.StreamingDataset(emulator.streaming_dataset("Sensors", {"Id": "Int64"}), retry=None)


def outbox_of(emulator: Emulator, folder: Path) -> pbi.Outbox:
    with table_of(emulator).sender(outbox=folder / "rows.db") as sender:
        sender.send({"Id": 1})
    return pbi.Outbox(folder / "rows.db")


TARGET: dict[str, Any] = {"rows": orders(1), "target": "Sales/Orders"}
AN_APP = "11111111-2222-3333-4444-555555555555"
SECRET: dict[str, Any] = {"tenant_id": "contoso.com", "client_id": AN_APP}
A_SCHEMA = pbi.TableSchema("Orders", {"Id": int})


def signed_in(emulator: Emulator) -> dict[str, Any]:
    return {"credential": emulator.credential, "base_url": emulator.url}


#: Each public callable, and arguments that it takes. What a `**options` takes, stands behind it.
TAKES: dict[str, tuple[Callable[[Emulator, Path], Callable[..., Any]], dict[str, Any], Any]] = {
    "push": (lambda it, _: lambda **given: pbi.push(**signed_in(it) | given), TARGET, pbi.push),
    "push_async": (lambda it, _: lambda **given: pbi.push_async(**signed_in(it) | given), TARGET, pbi.push_async),
    "doctor": (lambda it, _: lambda **given: pbi.doctor(**signed_in(it) | given), {}, pbi.doctor),
    "doctor_async": (lambda it, _: lambda **given: pbi.doctor_async(**signed_in(it) | given), {}, pbi.doctor_async),
    "Client": (lambda it, _: lambda **given: pbi.Client(**signed_in(it) | given), {}, pbi.Client),
    "StreamingDataset": (lambda *_: pbi.StreamingDataset, {"push_url": "https://example.org"}, pbi.StreamingDataset),
    "ClientSecretCredential": (
        lambda *_: pbi.ClientSecretCredential,
        {**SECRET, "client_secret": "a secret"},
        pbi.ClientSecretCredential,
    ),
    "EnvironmentCredential": (lambda *_: pbi.EnvironmentCredential, {}, pbi.EnvironmentCredential),
    "InteractiveBrowserCredential": (
        lambda *_: pbi.InteractiveBrowserCredential,
        {"client_id": AN_APP},
        pbi.InteractiveBrowserCredential,
    ),
    "ManagedIdentityCredential": (lambda *_: pbi.ManagedIdentityCredential, {}, pbi.ManagedIdentityCredential),
    "AzureCliCredential": (lambda *_: pbi.AzureCliCredential, {}, pbi.AzureCliCredential),
    "WorkloadIdentityCredential": (
        lambda *_: pbi.WorkloadIdentityCredential,
        {"token_file_path": "token.jwt"},
        pbi.WorkloadIdentityCredential,
    ),
    "DefaultAzureCredential": (lambda *_: pbi.DefaultAzureCredential, {}, pbi.DefaultAzureCredential),
    "CertificateCredential": (
        lambda _, folder: certified(folder),
        {**SECRET, "certificate_path": "app.pem"},
        pbi.CertificateCredential,
    ),
    "DeviceCodeCredential": (lambda *_: pbi.DeviceCodeCredential, {"client_id": AN_APP}, pbi.DeviceCodeCredential),
    "Column": (lambda *_: pbi.Column, {"name": "Id", "data_type": int}, pbi.Column),
    "Measure": (lambda *_: pbi.Measure, {"name": "m", "expression": "1"}, pbi.Measure),
    "Relationship": (
        lambda *_: pbi.Relationship,
        {"name": "r", "from_table": "a", "from_column": "b", "to_table": "c", "to_column": "d"},
        pbi.Relationship,
    ),
    "TableSchema": (lambda *_: pbi.TableSchema, {"name": "Orders", "columns": {"Id": int}}, pbi.TableSchema),
    "DatasetSchema": (lambda *_: pbi.DatasetSchema, {"name": "d", "tables": [A_SCHEMA]}, pbi.DatasetSchema),
    "Retry": (lambda *_: pbi.Retry, {}, pbi.Retry),
    "Quotas": (lambda *_: pbi.Quotas, {}, pbi.Quotas),
    "logout": (lambda *_: pbi.logout, {}, pbi.logout),
    "Outbox": (lambda *_: pbi.Outbox, {"path": "none.db"}, pbi.Outbox),
    "Emulator": (lambda *_: started, {}, Emulator),
}


def certified(folder: Path) -> Callable[..., Any]:
    (folder / "app.pem").write_bytes(pair().pem)
    return pbi.CertificateCredential


def started(**given: Any) -> None:
    Emulator(**given).close()


#: How to come by an object of each public class, whose methods are tried.
OBJECTS: dict[type, Callable[[Emulator, Path], Any]] = {
    pbi.Client: lambda it, _: client_of(it),
    pbi.Workspace: lambda it, _: client_of(it).my_workspace,
    pbi.Dataset: lambda it, _: table_of(it).dataset,
    pbi.Table: lambda it, _: table_of(it),
    pbi.StreamingDataset: lambda it, _: stream_of(it),
    pbi.Sender: lambda it, _: table_of(it).sender(on_error=lambda _: None),
    pbi.Outbox: outbox_of,
    pbi.TableSchema: lambda *_: A_SCHEMA,
    pbi.DatasetSchema: lambda *_: pbi.DatasetSchema("d", [A_SCHEMA]),
    pbi.ClientSecretCredential: lambda it, _: pbi.ClientSecretCredential(
        it.tenant_id, it.client_id, it.client_secret, authority=it.url
    ),
    Emulator: lambda it, _: it,
    EmulatorCredential: lambda it, _: it.credential,
}

#: What methods need besides the argument that is tried.
NEEDS: dict[str, Any] = {
    "rows": orders(1),
    "row": {"Id": 1},
    "name_or_id": "Sales",
    "schema": {"Id": int},
    "name": "Orders",
    "rows_or_count": 1,
    "file": "out.jsonl",
    "source": '{"name": "d", "tables": [{"name": "t", "columns": [{"name": "a", "dataType": "int"}]}]}',
    "target": "Sales/Orders",
    "seconds": 1,
    "tables": {"Orders": orders(1)},
    "dax": "EVALUATE Orders",
    "pem": pair().certificate_pem.decode(),
    "issuer": "https://example.org",
    "subject": "an app",
}

#: What an argument may be called in a message besides its name: what it means there.
ALSO_CALLED = {
    "rows": "row",
    "credential": "access token",
    "rows_or_count": "rows",
    "push_url": "push URL",
    "source": "dataset|schema",
    "tables": "table|name",
    "ca_bundle": "CA bundle",
    "seconds": "real time",
    "assumptions": "assumption",
    "mode": "defaultMode",
    "retention": "defaultRetentionPolicy",
    "token_file_path": "AZURE_FEDERATED_TOKEN_FILE",
}

#: Records that the package hands out: nobody is asked to make them.
RECORDS = {
    pbi.AccessToken, pbi.Check, pbi.Plan, pbi.Progress, pbi.PushResult, pbi.RejectedRow, pbi.Report, pbi.RowError,
    pbi.SenderStats, pbi.ValidationReport,
}  # fmt: skip


def parameters(verb: Any) -> list[str]:
    """The names of the arguments that a callable takes."""
    return [
        one.name
        for one in inspect.signature(verb).parameters.values()
        if one.name != "self" and one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}
    ]


def methods(cls: type) -> list[str]:
    return [name for name, value in inspect.getmembers(cls, callable) if not name.startswith("_")]


def cases() -> list[tuple[str, str]]:
    """Each public callable with each of its arguments."""
    found = [(name, parameter) for name, (_, _, verb) in TAKES.items() for parameter in parameters(verb)]
    for cls in OBJECTS:
        for name in methods(cls):
            found += [(f"{cls.__name__}.{name}", parameter) for parameter in parameters(getattr(cls, name))]
    return found


def callable_of(name: str, emulator: Emulator, folder: Path) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The callable, and what it needs."""
    if name in TAKES:
        make, needed, _ = TAKES[name]
        return make(emulator, folder), needed
    owner, method = name.split(".")
    cls = next(cls for cls in OBJECTS if cls.__name__ == owner)
    held = OBJECTS[cls](emulator, folder)
    bound = getattr(held, method)
    needed = {name: value for name, value in NEEDS.items() if name in inspect.signature(bound).parameters}
    if method.startswith("create_dataset"):
        needed["schema"] = SCHEMA
    if owner in {"TableSchema", "DatasetSchema"} and "target" in needed:
        needed["target"] = "powerbi"
    if method == "export":
        del needed["rows"]
    if method.startswith("get_token"):
        bound = partial(bound, "https://analysis.windows.net/powerbi/api/.default")
    return bound, needed


def call(verb: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Call it, and await or read what it gives."""
    answer = verb(**given)
    if inspect.isawaitable(answer):

        async def awaited() -> Any:
            return await answer

        answer = asyncio.run(awaited())
    if isinstance(answer, pbi.Sender):
        answer.close()
    if inspect.isgenerator(answer) or type(answer).__name__ == "Payloads":
        list(answer)
    return answer


def test_the_table_is_whole() -> None:
    classes = {value for name in dir(pbi) if isinstance(value := getattr(pbi, name), type)}
    kinds = {cls for cls in classes if is_typeddict(cls)}
    errors = {cls for cls in classes if issubclass(cls, BaseException)}
    known = {verb for _, _, verb in TAKES.values()} | set(OBJECTS) | RECORDS
    functions = {getattr(pbi, name) for name in dir(pbi)} - {pbi.__version__, pbi.microstrategy} - classes
    assert (classes - errors - kinds) | functions <= known
    assert all(dataclasses.is_dataclass(record) or issubclass(record, tuple) for record in RECORDS)
    assert len(cases()) > 300


def names(parameter: str, value: object, message: str) -> bool:
    """Whether a message says which argument it means: by its name, or by the text that was given."""
    known = f"{parameter}|{ALSO_CALLED[parameter]}" if parameter in ALSO_CALLED else parameter
    shown = type(value) is not Classless and isinstance(value, str) and f"`{str.__str__(value)}`" in message
    return shown or re.search(rf"\b({known})\b", message) is not None


@pytest.mark.parametrize(("name", "parameter"), cases(), ids=lambda value: value)
def test_a_wrong_argument_is_refused_by_its_name_and_nothing_is_sent(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, parameter: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, value in (("TENANT_ID", "contoso.com"), ("CLIENT_ID", SECRET["client_id"]), ("CLIENT_SECRET", "s")):
        monkeypatch.setenv(f"AZURE_{variable}", value)
    monkeypatch.setenv("POWERBI_PUSH_URL", "https://127.0.0.1:9/rows")
    verb, needed = callable_of(name, emulator, tmp_path)
    wrongs = []
    for label, value in WRONG.items():
        sent = len(emulator.requests)
        complaint = outcome(name, verb, {**needed, parameter: value}, parameter)
        asked = [one.operation or "" for one in emulator.requests[sent:]]
        if complaint == "" and (told := [one for one in asked if not may_be_asked(one, parameter)]):
            complaint = f"sent {told}"
        if complaint:
            wrongs.append(f"{label}: {complaint}")
    for sender in open_senders():
        sender.close()
    assert not wrongs, "\n".join(wrongs)


def outcome(name: str, verb: Callable[..., Any], given: dict[str, Any], parameter: str) -> str | None:
    """What is wrong with what comes of a call; nothing, "", where it was refused; None where it was taken."""
    try:
        answer = call(verb, given)
    except (pbi.ConfigurationError, TypeError) as error:
        return "" if names(parameter, given[parameter], str(error)) else repr(error)
    except pbi.PowerBIPushError:
        return None
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        differs = name == "Emulator.assert_pushed" and isinstance(error, AssertionError)
        return None if differs else repr(error)
    try:
        use(answer)
    except pbi.PowerBIPushError:
        return None
    except Exception as error:  # noqa: BLE001 - the same
        return f"taken, and then {error!r}"
    return None


def use(made: Any) -> None:
    """Do with it what it was made for."""
    repr(made)
    match made:
        case pbi.StreamingDataset():
            made.sender().close()
        case pbi.Table():
            made.plan(1)
        case pbi.TableSchema():
            made.validate([])
        case pbi.DatasetSchema():
            made.to_json()
        case pbi.Column() | pbi.Measure():
            columns = [made] if isinstance(made, pbi.Column) else [pbi.Column("Id", int)]
            pbi.TableSchema("t", columns, measures=[made] if isinstance(made, pbi.Measure) else [])
        case pbi.Relationship():
            pbi.DatasetSchema("d", [A_SCHEMA], relationships=[made])
        case pbi.Retry():
            pbi.Client("opaque", retry=made)
        case pbi.Quotas():
            pbi.Client("opaque", quotas=made)


def may_be_asked(operation: str, parameter: str) -> bool:
    """Which dataset is meant is looked up before rows are read."""
    return parameter == "rows" and operation.startswith("Datasets_Get")
