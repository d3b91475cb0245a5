"""What Spark's writer is told, judges and does, without Spark: `make test-spark` has the rest."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import powerbi_push.spark
from canaries import check, everything_about
from conftest import arrived, make_table
from doc_blocks import ROOT
from powerbi_push import ConfigurationError, DatasetSchema, Quotas, RateLimitedError, TableSchema, ValidationError
from powerbi_push.environment import VARIABLE
from powerbi_push.spark import foreach_batch, push_dataframe, register
from powerbi_push.spark.emulated import held_to
from powerbi_push.spark.judging import check_columns
from powerbi_push.spark.settings import Settings, read_settings
from powerbi_push.spark.sign_in import sign_in
from powerbi_push.spark.writing import Part, added, clear, written

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

KEY = "canary5e2f%2F7d1c%3D%3D"
URL = f"https://api.powerbi.com/beta/95d19b2e/datasets/7d5e1a52/rows?key={KEY}"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJjYW5hcnkifQ.c2lnbmVk"


def told(**options: str) -> Settings:
    return read_settings({"target": "Sales/Orders", **options})


def batch(*ids: int) -> pa.RecordBatch:
    return pa.record_batch({"Id": pa.array(ids, pa.int64())})


def test_the_options_are_read() -> None:
    assert told() == Settings(target="Sales/Orders")
    columns = '{"Id": "Int64"}'
    pushes = {"convert": "true", "timeout": "60", "on_doubt": "raise", "max_errors": "3"}
    settings = told(share="1/4", quotas="free", history="TRUE", schema=columns, **pushes)
    assert (settings.share, settings.quotas, settings.history) == (Fraction(1, 4), "free", True)
    assert settings.pushes == {"convert": True, "timeout": 60.0, "on_doubt": "raise", "max_errors": 3}
    assert settings.schema == TableSchema("rows", {"Id": int})
    # What Spark adds itself, and how it writes names.
    assert told(checkpointLocation="/tmp/x", ON_DOUBT="raise").pushes == {"on_doubt": "raise"}  # noqa: S108 - a name


WRONG = {
    "no target": ({"target": ""}, "the option `target` is missing"),
    "unknown": ({"on_dout": "raise"}, "did you mean `on_doubt`"),
    "a word": ({"on_doubt": "maybe"}, '`on_doubt` takes "resend" or "raise"'),
    "a flag": ({"convert": "yes"}, '`convert` takes "true" or "false"'),
    "a number": ({"max_errors": "many"}, "`max_errors` takes a number"),
    "seconds": ({"timeout": "-1"}, "`timeout` takes a number of seconds above 0"),
    "a function": ({"progress": "true"}, "no option `progress`"),
    "a share of nothing": ({"share": "0"}, "`share` takes a part"),
    "a share above all": ({"share": "3/2"}, "`share` takes a part"),
    "a share that is none": ({"share": "1/0"}, "`share` takes a part"),
    "quotas": ({"quotas": "gold"}, "`quotas` takes"),
    "a schema": ({"schema": "Id long"}, "`schema` takes the columns as a JSON object"),
    "results nowhere": ({"results": "/no/such/folder/r.ndjson"}, "`results` takes the whole path of a file"),
    "results somewhere": ({"results": "r.ndjson"}, "`results` takes the whole path of a file"),
    "a cloud": ({"cloud": "mars"}, "there is no cloud `mars`"),
    "an address": ({"base_url": "http://example.org"}, "base_url must be https"),
    "a type": ({"schema": '{"Id": "Map"}'}, "`data_type`"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_refused_at_the_driver(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        told(**options)
    assert message in str(caught.value)


SECRETS = {
    "a push URL": {"target": URL},
    "a push URL without its key": {"target": URL.partition("?")[0]},
    "a push URL of another option": {"id_column": URL},
    "a token": {"credential": TOKEN},
    "a token under its name": {"token": TOKEN},
    "a client's secret": {"client_secret": KEY},
    "a password": {"password": KEY},
    "a password in an address": {"base_url": f"https://somebody:{KEY}@api.powerbi.com"},
    "a signature in an address": {"base_url": f"https://api.powerbi.com/?sig={KEY}"},
    "a key": {"accessKey": KEY},
}


@pytest.mark.parametrize("options", SECRETS.values(), ids=SECRETS)
def test_a_secret_among_the_options_is_refused_and_not_shown(options: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"seen by everybody|secret|base_url must not hold") as caught:
        told(**options)
    for secret in (KEY, TOKEN):
        check(everything_about(caught.value), secret)


def test_settings_travel_and_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", TOKEN)
    settings = told(credential="variable:A_TOKEN", schema='{"Id": "Int64"}', share="1/2")
    pickled = pickle.dumps(settings)
    assert pickle.loads(pickled) == settings  # noqa: S301 - our own
    assert TOKEN.encode() not in pickled


def test_a_share_is_a_part_of_each_quota() -> None:
    quarter = Quotas(
        requests_per_second=1,
        requests_per_minute=30,
        rows_per_hour=250_000,
        large_table_requests_per_hour=30,
        in_flight=1,
    )
    assert told(share="1/4").kept == told(share="0.25").kept == quarter
    assert told().kept == Quotas()
    assert told(quotas="none").kept is None
    free = told(quotas="free", share="1/2").kept
    assert free is not None
    assert free.rows_per_hour == 5_000


def a_token() -> str:
    return TOKEN


def test_a_sign_in_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    monkeypatch.setenv("A_TOKEN", TOKEN)
    read: Any = sign_in(f"file:{file}", None)
    assert (sign_in("variable:A_TOKEN", None), read(), sign_in("default", None)) == (TOKEN, TOKEN, None)
    assert sign_in(f"call:{__name__}.a_token", None) == TOKEN
    assert type(sign_in("managed_identity", None)).__name__ == "ManagedIdentityCredential"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("variable:NOT_SET_AT_ALL", "`NOT_SET_AT_ALL` is not set on the machine that sends"),
        ("call:powerbi_push.no_such", "names no function"),
        ("call:no_module", "names no function"),
    ],
)
def test_a_sign_in_that_is_not_there_is_said(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        sign_in(name, None)


def test_a_token_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    read: Any = sign_in(f"file:{tmp_path / 'none'}", None)
    with pytest.raises(ConfigurationError, match="cannot be read on the machine that sends"):
        read()


def test_columns_are_judged_by_their_kinds() -> None:
    table = TableSchema("Orders", {"Id": int, "Price": "Decimal", "At": "DateTime"})
    fits = pa.schema([("Id", pa.int32()), ("Price", pa.decimal128(23, 1)), ("At", pa.timestamp("us", "Europe/Berlin"))])
    check_columns(fits, table, {})
    check_columns(fits, None, {})
    # Only values can tell whether a text is a date, and a Double whole.
    check_columns(pa.schema([("Id", pa.float64()), ("At", pa.string())]), table, {})
    for wrong, message in (
        (pa.schema([("Idd", pa.int64())]), "did you mean `Id`"),
        (pa.schema([("Id", pa.string())]), "`Id` takes Int64"),
        (pa.schema([("Id", pa.bool_())]), "`Id` takes Int64"),
        (pa.schema([("Id", pa.int64()), ("Tags", pa.list_(pa.string()))]), "`Tags` is List"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            check_columns(wrong, table, {})
    check_columns(pa.schema([("Id", pa.string())]), table, {"convert": True})
    check_columns(pa.schema([("Idd", pa.int64())]), table, {"unknown_columns": "ignore", "max_errors": 3})
    # A column of Spark's type void: nothing but null, which every column takes.
    check_columns(pa.schema([("Id", pa.int64()), ("v", pa.null())]), None, {})
    check_columns(pa.schema([("v", pa.null())]), None, {})
    with pytest.raises(ConfigurationError, match="the frame has no columns"):
        check_columns(pa.schema([]), table, {})
    with pytest.raises(ConfigurationError, match="`b` is Binary"):
        check_columns(pa.schema([("b", pa.binary())]), None, {})


def test_a_task_pushes_its_batches_and_accounts_for_them(powerbi: Emulator) -> None:
    make_table(powerbi)
    account = written(told(), Part("q", "0", 0), iter([batch(), batch(0, 1), batch(2)]))
    assert account == {
        "read": 3,
        "confirmed": 3,
        "rejected": 0,
        "in_doubt": 0,
        "unsent": 0,
        "maybe_twice": 0,
        "requests": 1,
        "retries": 0,
        "errors": [],
    }
    assert sorted(arrived(powerbi)) == [0, 1, 2]
    assert added([account, account])["confirmed"] == 6


def test_a_task_without_rows_asks_for_nothing(powerbi: Emulator) -> None:
    assert written(told(), Part("q", "0", 3), iter([batch()]))["read"] == 0
    assert powerbi.requests == []


def test_a_second_task_needs_a_share(powerbi: Emulator) -> None:
    make_table(powerbi)
    with pytest.raises(ConfigurationError, match=r"more than one partition[\s\S]*coalesce\(1\)"):
        written(told(), Part("q", "0", 1), iter([batch(1)]))
    assert arrived(powerbi) == {}
    assert written(told(share="1/2"), Part("q", "0", 1), iter([batch(1)]))["confirmed"] == 1


def test_a_task_keeps_to_its_share(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    make_table(powerbi)
    monkeypatch.setenv("LIVE", powerbi.streaming_dataset("Live", {"Id": "Number"}))
    # 10,000 rows an hour, of which this task may send 1,000: the wait for more reaches past the time limit.
    keeping = {"quotas": "free", "share": "1/10", "timeout": "60", "history": "true"}
    for target in ("Sales/Orders", "variable:LIVE"):
        settings = told(**{"target": target, **keeping})
        assert written(settings, Part("q", "0", 0), iter([batch(*range(1_000))]))["confirmed"] == 1_000
        with pytest.raises(RateLimitedError):
            written(settings, Part("q", "0", 0), iter([batch(1)]))


def test_skipped_rows_are_in_the_account(powerbi: Emulator) -> None:
    make_table(powerbi)
    rows = pa.record_batch({"Id": pa.array([1], pa.int64()), "Item": pa.array(["x" * 5_000])})
    skipping = told(schema='{"Id": "Int64", "Item": "String"}', on_invalid="skip")
    account = written(skipping, Part("q", "0", 0), iter([rows]))
    assert (account["read"], account["rejected"], len(account["errors"])) == (1, 1, 1)
    failed = written(told(), Part("q", "0", 0), iter([rows]))
    assert (type(failed["failure"]), failed["rejected"]) == (ValidationError, 1)


def test_the_same_part_has_the_same_ids(powerbi: Emulator) -> None:
    powerbi.client().create_dataset(DatasetSchema("Marked", {"Orders": {"Id": int, "RowId": str}}))
    settings = read_settings({"target": "Marked/Orders", "id_column": "RowId", "share": "1/2"})
    for _ in range(2):
        written(settings, Part("query", "7", 1), iter([batch(10, 11), batch(12)]))
    ids = [(row["Id"], row["RowId"]) for row in powerbi.rows("Marked/Orders")]
    assert sorted(ids) == sorted([(10, "query/7/1/0"), (11, "query/7/1/1"), (12, "query/7/1/2")] * 2)


def a_push_url() -> str:
    return os.environ["LIVE"]


def test_a_push_url_is_read_where_the_rows_are_sent(
    powerbi: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIVE", powerbi.streaming_dataset("Live", {"Id": "Number"}))
    (tmp_path / "url").write_text(os.environ["LIVE"] + "\n")
    for place in ("variable:LIVE", f"file:{tmp_path / 'url'}", f"call:{__name__}.a_push_url"):
        settings = read_settings({"target": place})
        assert written(settings, Part("q", "0", 0), iter([batch(1)]))["confirmed"] == 1
        with pytest.raises(ConfigurationError, match="cannot be overwritten"):
            clear(settings)
    with pytest.raises(TypeError, match="`target` must be the place of a push URL, not"):
        written(read_settings({"target": f"call:{__name__}.told"}), Part("q", "0", 0), iter([batch(1)]))


def test_no_hint_names_what_spark_shows_in_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [path.read_text() for path in Path(powerbi_push.spark.__file__).parent.glob("*.py")]
    named = set(re.findall(r"variable:([A-Z_]{5,})", "".join([*sources, (ROOT / "docs/spark.md").read_text()])))
    assert named >= {"POWERBI_PUSH_TOKEN"}
    # Spark's own default of spark.redaction.regex.
    assert [name for name in named if not re.search("(?i)secret|password|token|access[.]?key", name)] == []
    monkeypatch.delenv("POWERBI_PUSH_URL", raising=False)
    with pytest.raises(ConfigurationError, match=r"spark-env\.sh.*in clear.*unless TOKEN, SECRET or PASSWORD"):
        sign_in("variable:POWERBI_PUSH_URL", None)


def test_a_task_keeps_to_the_emulator_that_the_driver_named(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    make_table(powerbi)
    monkeypatch.delenv(VARIABLE)
    held = replace(told(), emulator=powerbi.url)
    assert written(held, Part("q", "0", 0), iter([batch(1)]))["confirmed"] == 1
    for astray in (replace(held, base_url="https://api.powerbi.com"), replace(held, target="variable:ASTRAY_SECRET")):
        monkeypatch.setenv("ASTRAY_SECRET", URL)
        with pytest.raises(ConfigurationError, match=r"leads elsewhere: nothing is sent to api\.powerbi\.com"):
            written(astray, Part("q", "0", 0), iter([batch(1)]))
    assert VARIABLE not in os.environ
    with held_to("http://127.0.0.1:1"), held_to(None):
        assert os.environ[VARIABLE] == "http://127.0.0.1:1"


def test_overwriting_deletes_the_rows(powerbi: Emulator) -> None:
    make_table(powerbi).push([{"Id": 1}])
    clear(told())
    assert arrived(powerbi) == {}


def test_what_is_no_frame_or_session_of_spark_is_said() -> None:
    with pytest.raises(TypeError, match="`df` must be a DataFrame of Spark 4 or later, not list"):
        push_dataframe([{"Id": 1}], "Sales/Orders")
    with pytest.raises(TypeError, match=r"foreach_batch\(\) got an unexpected keyword argument 'on_dout'.*'on_doubt'"):
        foreach_batch("Sales/Orders", on_dout="raise")
    with pytest.raises(TypeError, match=r"push_dataframe\(\) got an unexpected keyword argument 'rows'"):
        push_dataframe(None, "Sales/Orders", rows=[])
    assert callable(foreach_batch("Sales/Orders", schema={"Id": int}, create=True, timeout=5, base_url=None))
    with pytest.raises(TypeError, match="`spark` must be a SparkSession"):
        register("spark")
    with pytest.raises(TypeError, match="`on_result` must be a function, or None, not int"):
        foreach_batch("Sales/Orders", on_result=3)  # type: ignore[arg-type]


def test_what_is_made_for_each_batch_shows_no_key() -> None:
    push_batch = foreach_batch(URL, credential=TOKEN)
    with pytest.raises(TypeError) as caught:
        push_batch([{"Id": 1}], 0)
    for secret in (KEY, TOKEN):
        check(everything_about(caught.value), secret)


def test_nothing_of_spark_is_imported_before_it_is_used() -> None:
    script = "import sys, json, powerbi_push.spark; print(json.dumps([*({'pyspark', 'pyarrow'} & set(sys.modules))]))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50)
    assert json.loads(ran.stdout) == []
