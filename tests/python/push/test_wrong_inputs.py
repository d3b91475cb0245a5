"""The commonest wrong inputs, and the whole message that each is answered with: what happened, where, and a cure.

The messages are in `wrong_inputs.txt`, to be read by eye; run as a script, this file writes them anew.
"""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

import powerbi_push as pbi
from power_bi_server import USER, token
from powerbi_push.emulator import Emulator
from test_tracebacks import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SNAPSHOTS = Path(__file__).with_name("wrong_inputs.txt")
SCHEMA = pbi.TableSchema(
    "Orders", {"Id": int, "Item": str, "Price": float, "Day": "DateTime", "Paid": bool, "Cost": "Decimal"}
)
ROW: dict[str, Any] = {"Id": 1, "Item": "tea", "Price": 2.5}
FRAME = pd.DataFrame([ROW])
DAY = datetime(2024, 1, 1)
KEY = "https://api.powerbi.com/beta/t/datasets/d/rows?key=secret"


class Local:
    """A local Power BI with the table `Sales/Orders`."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.client = emulator.client()
        self.dataset = self.client.create_dataset(pbi.DatasetSchema("Sales", [SCHEMA]), if_exists="reuse")
        self.table = self.dataset.table("Orders")
        # One of which nothing but the name is known.
        self.bare = emulator.client().dataset("Sales").table("Orders")
        self.sign_in: dict[str, Any] = {"credential": emulator.credential, "base_url": emulator.url}

    def to(self, target: Any, rows: Any = (ROW,), **options: Any) -> Any:
        """Push to a target."""
        return pbi.push(rows, target, **self.sign_in, **options)

    def signed_in_by(self, credential: Any) -> Any:
        """Ask with a credential."""
        return pbi.Client(credential, base_url=self.emulator.url).datasets()

    def send(self, verb: str, rows: Any) -> None:
        """Give rows to a sender."""
        with self.table.sender() as sender:
            getattr(sender, verb)(rows)


def fetched() -> list[Any]:
    with sqlite3.connect(":memory:") as database:
        return database.execute("SELECT 1 AS Id, 'tea' AS Item").fetchall()


#: What is given in the place of rows.
NO_ROWS: dict[str, Any] = {
    "JSON text": lambda: json.dumps([ROW]),
    "the name of a file": lambda: "orders.csv",
    "a path": lambda: Path("orders.csv"),
    "bytes": lambda: json.dumps([ROW]).encode(),
    "a dict of lists": lambda: FRAME.to_dict("list"),
    "df.to_dict()": FRAME.to_dict,
    'df.to_dict("split")': lambda: FRAME.to_dict("split"),
    "the body of a request": lambda: {"rows": [ROW]},
    "the body of an answer": lambda: {"@odata.context": "http://x", "value": [ROW]},
    "a body in a list": lambda: [{"rows": [ROW]}],
    "a list in a list": lambda: [[ROW]],
    "fetchall()": fetched,
    "a single dict": lambda: ROW,
    "None": lambda: None,
    "a function": lambda: fetched,
    "a column": lambda: FRAME["Id"],
    "an array of numpy": FRAME[["Id", "Price"]].to_numpy,
    "df.values.tolist()": lambda: FRAME.to_numpy().tolist(),
    "df.iterrows()": FRAME.iterrows,
    "df.itertuples()": FRAME.itertuples,
    "lines of JSON": lambda: [json.dumps(ROW)],
    "dict(df.dtypes)": lambda: dict(FRAME.dtypes),
    "dict(pl_df.schema)": lambda: dict(pl.DataFrame([ROW]).schema),
    "a groupby": lambda: FRAME.groupby("Item"),
    "a LazyFrame": lambda: pl.DataFrame([ROW]).lazy(),
    "a set of numbers": lambda: {1},
    "None among rows": lambda: [ROW, None],
    "column labels that are numbers": lambda: pd.DataFrame([[1, 2]]),
    "two columns of one name": lambda: pd.DataFrame([[1, 2]], columns=["Id", "Id"]),
    "a column of timedeltas": lambda: pd.DataFrame({"Price": [pd.Timedelta(1, "s")]}),
}
#: Values that do not fit their column.
NO_VALUES: dict[str, dict[Any, Any]] = {
    "a dict as value": {"Item": {"a": 1}},
    "a list as value": {"Item": ["a"]},
    "bytes as value": {"Item": b"tea"},
    "text for a whole number": {"Id": "1"},
    "a thousands separator": {"Id": "1,000"},
    "N/A in a number column": {"Price": "N/A"},
    "empty text in a number column": {"Price": ""},
    "empty text in a date column": {"Day": ""},
    "a short American date": {"Day": "1/5/2024"},
    "a European date": {"Day": "31/12/2024"},
    "a day that is none": {"Day": "2024-02-30"},
    "a week date": {"Day": "2024-W05"},
    "seconds since 1970": {"Day": 1_735_689_600},
    "a time of day": {"Day": time(1, 2)},
    "a timedelta": {"Price": timedelta(1)},
    "a fraction in a whole number": {"Id": 1.5},
    "a number beyond Int64": {"Id": 2**63},
    "a number beyond 2^53 in Double": {"Price": 2**53 + 1},
    "five decimals": {"Cost": Decimal("1.23456")},
    "infinity": {"Price": float("inf")},
    "yes for a Boolean": {"Paid": "yes"},
    "1 for a Boolean": {"Paid": 1},
    "a number as text": {"Item": 5},
    "a text that is too long": {"Item": "x" * 4_001},
    "a lone surrogate": {"Item": "\ud800"},
    "a misspelt column": {"Itm": "tea"},
    "a column in another case": {"id": 1},
    "a column that is a number": {1: 1},
}
TYPES: Any = pbi.TableSchema
INFER: Any = pbi.TableSchema.infer
DATASET: Any = pbi.DatasetSchema


def _pushing(rows: Any) -> Callable[[Local], Any]:
    return lambda it: it.table.push(rows() if callable(rows) else rows)


WRONG: dict[str, Callable[[Local], Any]] = {
    **{what: _pushing(made) for what, made in NO_ROWS.items()},
    **{what: _pushing([{"Id": 1, **row}]) for what, row in NO_VALUES.items()},
    "naive dates where they are refused": lambda it: it.table.push(
        [{"Day": DAY}, {"Day": DAY.replace(tzinfo=UTC)}], naive_datetimes="error"
    ),
    "a list for send": lambda it: it.send("send", [ROW]),
    "a dict for send_many": lambda it: it.send("send_many", ROW),
    "a column that is not there, without a schema": lambda it: it.bare.push([{"Id": 1, "Itm": "x"}]),
    "a type that is wrong, without a schema": lambda it: it.bare.push([{"Id": "x"}]),
    "an option without a schema": lambda it: it.bare.push([ROW], unknown_columns="ignore"),
    "an unknown option": lambda it: it.table.push([ROW], batchsize=5),  # type: ignore[call-arg]
    "strings=": lambda it: it.table.push([ROW], strings="parse"),  # type: ignore[call-arg]
    "a wrong value of an option": lambda it: it.table.push([ROW], on_invalid="ignore"),  # type: ignore[arg-type]
    "a wrong if_exists": lambda it: it.to(it.table, if_exists="overwrite"),
    "a timeout that is text": lambda it: it.to(it.table, timeout="5"),
    "a target without a table": lambda it: it.to("Orders"),
    "a target with a slash in a name": lambda it: it.to("Sales/EU/Orders"),
    "a target with three slashes": lambda it: it.to("a/b/c/d"),
    "a dataset that is not there": lambda it: it.to("Sale/Orders"),
    "a table that is not there": lambda it: it.to("Sales/Order"),
    "a dataset as target": lambda it: it.to(it.dataset),
    "rows and target in the wrong order": lambda it: it.to([ROW], "Sales/Orders"),
    "a URL without scheme": lambda it: it.to(KEY.removeprefix("https://")),
    "a URL of http": lambda it: it.to(KEY.replace("https", "http")),
    "a rows address of another host": lambda it: it.to("https://api.powerbi.com/v1.0/myorg/datasets/x/tables/T/rows"),
    "a table that a dataset lacks": lambda it: it.dataset.table("Order").push([ROW]),
    "a dataset that is there already": lambda it: it.client.create_dataset(DATASET("Sales", [SCHEMA])),
    "a table for create_dataset": lambda it: it.client.create_dataset(SCHEMA),  # type: ignore[arg-type]
    "a dict for create_dataset": lambda it: it.client.create_dataset({"Sales": {"Id": int}}),  # type: ignore[arg-type]
    "create=True of a column without values": lambda it: it.to("New/T", [{"a": None, "b": 1}], create=True),
    "create=True of mixed kinds": lambda it: it.to("New/T", [{"a": 1}, {"a": "x"}], create=True),
    "create=True of no rows": lambda it: it.to("New/T", [], create=True),
    "a dataset as schema=": lambda it: it.to(it.table, schema=DATASET("S", [SCHEMA])),
    "a list as schema=": lambda it: it.to(it.table, schema=["Id"]),
    "a data type that there is not": lambda _: TYPES("T", {"a": "varchar(20)"}),
    "a value for a data type": lambda _: TYPES("T", {"a": 1}),
    "columns that are names": lambda _: TYPES("T", ["a", "b"]),
    "columns that are rows": lambda _: TYPES("T", [ROW]),
    "columns that are a frame": lambda _: TYPES("T", FRAME),
    "name and columns in the wrong order": lambda _: TYPES({"a": int}, "T"),
    "columns for tables": lambda _: DATASET("S", {"Id": int}),
    "names for tables": lambda _: DATASET("S", ["T"]),
    "a mode that there is not": lambda _: DATASET("S", [SCHEMA], mode="Pull"),
    "infer of nothing": lambda _: INFER("T", []),
    "infer of mixed kinds": lambda _: INFER("T", [{"a": 1}, {"a": "x"}]),
    "infer of a column without values": lambda _: INFER("T", pd.DataFrame({"a": [None], "b": [1]})),
    "infer of an empty column of objects": lambda _: INFER("T", pd.DataFrame({"a": pd.Series([], dtype=object)})),
    "infer with types= of a misspelt column": lambda _: INFER("T", [{"Item": 1}], types={"Itm": str}),
    "infer of infinity": lambda _: INFER("T", [{"f": float("inf")}]),
    "infer of nested values": lambda _: INFER("T", [{"a": {"b": 1}}]),
    "infer of fetchall()": lambda _: INFER("T", fetched()),
    "infer of a dataset's column without values": lambda _: DATASET.infer("S", {"Orders": [{"a": None}]}),
    "infer of a dataset from rows": lambda _: DATASET.infer("S", [ROW]),
    "an empty token": lambda it: it.signed_in_by("Bearer "),
    "a token that was cut": lambda it: it.signed_in_by(token(USER)[:60]),
    "a token with a blank": lambda it: it.signed_in_by("two words"),
    "a secret for a token": lambda it: it.signed_in_by("my~secret"),
    "a token for Microsoft Graph": lambda it: it.signed_in_by(token(USER, aud="https://graph.microsoft.com")),
    "a token that has ended": lambda it: it.signed_in_by(token(USER, exp=1_700_000_000)),
    "headers for a credential": lambda it: it.signed_in_by({"Authorization": "Bearer x"}),
    "a callable that returns None": lambda it: it.signed_in_by(lambda: None),
    "a class for a credential": lambda it: it.signed_in_by(pbi.ClientSecretCredential),
    "the emulator's token for the real service": lambda it: pbi.Client(it.emulator.credential).datasets(),
    "a cloud that there is not": lambda _: pbi.Client("x", cloud="germany"),
    "a base_url without scheme": lambda _: pbi.Client("x", base_url="api.powerbi.com"),
    "a number for retry=": lambda _: pbi.Client("x", retry=3),  # type: ignore[arg-type]
    "a name for a push URL": lambda _: pbi.StreamingDataset("Sales"),
    "no POWERBI_PUSH_URL": lambda _: pbi.StreamingDataset.from_env(),
    "create=True of a push URL": lambda it: it.to(KEY, create=True),
}


def told(it: Local, what: str) -> str:
    """What is raised, as Python shows it, without what is another in each run."""
    try:
        answer = WRONG[what](it)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
        ours = [frame for frame in frames(error) if frame.startswith("ours:")]
        assert len(ours) == 1, f"the traceback shows {ours}"
        text = f"{type(error).__name__}: {error}"
        return re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID", text.replace(it.emulator.url, "URL"))
    return f"nothing is raised: {answer!r}"


def snapshots() -> dict[str, str]:
    parts = SNAPSHOTS.read_text(encoding="utf-8").split("## ")[1:]
    return {name: text.strip("\n") for name, _, text in (part.partition("\n") for part in parts)}


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    with Emulator() as emulator:
        yield Local(emulator)


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_input_says_what_happened_and_what_to_do(
    local: Local, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POWERBI_PUSH_URL", "POWERBI_PUSH_EMULATOR", "POWERBI_PUSH_HIDE_VALUES"):
        monkeypatch.delenv(name, raising=False)
    assert told(local, what) == snapshots()[what]


def test_there_is_a_message_for_each_and_no_other() -> None:
    assert list(snapshots()) == list(WRONG)


def test_what_is_no_mistake_is_taken(local: Local) -> None:
    rows: list[dict[str, Any]] = [
        {"Item": float("nan")},
        {"Day": "12/31/2024"},
        {"Id": float("nan")},
        {"Day": DAY},
        {"Price": 2**53},
    ]
    for row in rows:
        assert local.table.push([{"Id": 1, **row}, {"Day": DAY.replace(tzinfo=UTC)}]).ok
    assert local.signed_in_by(f"'Bearer {local.emulator.credential.get_token().token}'\n")
    assert local.signed_in_by({"accessToken": local.emulator.credential.get_token().token, "tokenType": "Bearer"})


if __name__ == "__main__":
    with Emulator() as running:
        here = Local(running)
        SNAPSHOTS.write_text("".join(f"## {what}\n{told(here, what)}\n\n" for what in WRONG), encoding="utf-8")
