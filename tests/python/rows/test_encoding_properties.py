"""Any rows in any table: the same bytes and the same problems as the reference encoder, in bodies of the right size."""

from __future__ import annotations

import json
import math
import os
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, assume, example, given, settings

from powerbi_push import Column, DatasetSchema, TableSchema
from reference_encoder import WHITE, Options, encode_row

EXAMPLES = int(os.environ.get("POWERBI_PUSH_EXAMPLES", "300"))
MORE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="POWERBI_PUSH_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

TYPES = ("Int64", "Double", "Decimal", "Boolean", "String", "DateTime")
WIDE = 10**30


def has_a_plain_notation(value: Decimal) -> bool:
    """Whether it is a number that can be written out at sensible length, or none at all."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, str) or abs(exponent) <= 400


characters = st.characters(codec=None)  # lone surrogates included
texts = st.text(characters, max_size=20)
long_texts = st.builds(
    lambda text, count: text * count, st.sampled_from(["x", "é", "\U0001f600", "a\U0001f600"]), st.integers(1330, 4001)
)
zones = st.none() | st.builds(
    timezone, st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59))
)
moments = st.datetimes(timezones=st.just(None)).flatmap(
    lambda naive: zones.map(lambda zone: naive.replace(tzinfo=zone))
)
coarse = moments.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
digit_texts = st.from_regex(
    r"[+-]?[0-9]{0,22}(\.[0-9]{0,22})?([eE][+-]?[0-9]{1,3})?", fullmatch=True, alphabet=st.characters(max_codepoint=127)
)
date_texts = st.one_of(
    st.dates().map(date.isoformat),
    st.dates().map(lambda day: f"{day.month:02}/{day.day:02}/{day.year:04}"),
    st.datetimes().map(lambda naive: f"{naive.month:02}/{naive.day:02}/{naive.year:04} {naive.time():%H:%M:%S}"),
    st.builds(
        lambda naive, separator, zone: naive.isoformat(separator) + zone,
        st.datetimes(),
        st.sampled_from("T "),
        st.sampled_from(["", "Z", "+00:00", "+02:00", "-1130", "+14"]),
    ),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z?",
        fullmatch=True,
        alphabet=st.characters(max_codepoint=127),
    ),
)
decimals: st.SearchStrategy[Decimal] = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).filter(has_a_plain_notation),
    st.decimals(places=4, min_value=-WIDE, max_value=WIDE, allow_nan=False, allow_infinity=False),
    st.builds(
        lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(-WIDE, WIDE), st.integers(-30, 30)
    ),
)
around = st.sampled_from(["", "", " ", "\t", "\xa0", "\x1f"])
meaning = st.builds(
    lambda before, text, behind: before + text + behind,
    around,
    st.one_of(digit_texts, date_texts, st.sampled_from(["", "true", "FALSE", "1", "0", "nan", "NaN", "1,000", "yes"])),
    around,
)
times = st.builds(lambda naive, zone: naive.replace(tzinfo=zone), st.times(), zones)
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1000, 1000),
    st.integers(-(2**66), 2**66),
    st.sampled_from([2**63, -(2**63)]).flatmap(lambda edge: st.integers(edge - 2, edge + 2)),
    st.integers(-WIDE, WIDE),
    st.floats(),
    st.integers(-(10**9), 10**9).map(lambda whole: whole / 10_000),
    st.integers(-(2**64), 2**64).map(float),
    decimals,
    texts,
    long_texts,
    digit_texts,
    date_texts,
    meaning,
    moments,
    coarse,
    st.dates(),
    times,
    st.uuids(),
    st.sampled_from([b"x", (), [1], {"a": 1}, 1j, timedelta(1), object()]),
)
options = st.builds(
    Options,
    naive_datetimes=st.sampled_from(["keep", "utc", "error"]),
    too_long=st.sampled_from(["error", "truncate"]),
    nan=st.sampled_from(["null", "error"]),
    unknown_columns=st.sampled_from(["error", "ignore"]),
    aware_datetimes=st.sampled_from(["utc", "wall"]),
    decimals=st.sampled_from(["error", "round"]),
    convert=st.booleans(),
)
names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32))) + "\ufffe\uffff"),
    min_size=1,
    max_size=8,
)
schemas = st.lists(st.tuples(names, st.sampled_from(TYPES)), min_size=1, max_size=6, unique_by=lambda c: c[0].lower())


@st.composite
def tables_and_rows(draw: st.DrawFn) -> tuple[dict[str, str], list[Any]]:
    """A table and rows that mostly fit its names."""
    columns = dict(draw(schemas))
    keys = st.sampled_from(list(columns))
    row = st.dictionaries(keys | keys | keys | names, values, max_size=6)
    return columns, draw(st.lists(row | row | row | row | st.sampled_from([None, 5, "row", (1,)]), max_size=8))


def is_ambiguous(value: object) -> bool:
    """Whether the interface leaves open what becomes of it: zeros behind the point of a number of 28 digits."""
    if not isinstance(value, Decimal | str):
        return False
    try:
        digits = Decimal(value.strip(WHITE) if isinstance(value, str) else value)
        return digits.is_finite() and 10**24 <= abs(digits) < 10**28 and "0" in f"{digits:f}".partition(".")[2][-1:]
    except ArithmeticError:
        return False


def keywords(chosen: Options) -> dict[str, Any]:
    """The options as a caller writes them."""
    return {name: getattr(chosen, name) for name in Options.__dataclass_fields__}


@MORE
@given(tables_and_rows(), options)
@example(({"v": "Int64"}, [{"v": 2**63 - 1}, {"v": -(2**63)}, {"v": "9007199254740993.0"}]), Options(convert=True))
@example(({"v": "Double"}, [{"v": -0.0}, {"v": 5e-324}, {"v": 1e22}, {"v": 10**5000}, {"v": math.nan}]), Options())
@example(
    ({"v": "Double"}, [{"v": 2**53 + 1}, {"v": 10**23}, {"v": Decimal("0.1")}, {"v": Decimal(2**53 + 1)}]),
    Options(convert=True),
)
@example(
    ({"v": "Decimal"}, [{"v": 1.00005}, {"v": Decimal("-0.99995")}, {"v": " 2.00015 "}]), Options(decimals="round")
)
@example(({"v": "DateTime"}, [{"v": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))}]), Options())
@example(({"v": "String"}, [{"v": uuid.UUID(int=0)}, {"v": "\ud800"}, {"v": "\0\x7f\u2028"}]), Options())
def test_every_row_is_encoded_or_refused_as_the_reference_does(
    table: tuple[dict[str, str], list[Any]], chosen: Options
) -> None:
    columns, rows = table
    assume(not any(is_ambiguous(value) for row in rows if isinstance(row, dict) for value in row.values()))
    schema = TableSchema("t", [Column(name, data_type) for name, data_type in columns.items()])
    expected = [encode_row(columns, row, chosen) for row in rows]
    fitting = [one for one in expected if isinstance(one, bytes)]
    problems = [(row, *problem) for row, one in enumerate(expected) if isinstance(one, list) for problem in one]
    report = schema.validate(rows, **keywords(chosen))
    assert [(error.row, error.column, error.code) for error in report.errors] == problems
    assert (report.row_count, report.error_count) == (len(rows), len(problems))
    bodies = list(schema.payloads(rows, on_invalid="skip", **keywords(chosen)))
    assert bodies == ([b'{"rows":[' + b",".join(fitting) + b"]}"] if fitting else [])


json_values = {
    "Int64": st.integers(-(2**63) + 1, 2**63 - 2) | st.none(),
    "Double": st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: abs(value) < 1.79e308) | st.none(),
    "Decimal": st.integers(-(10**28) + 1, 10**28 - 1) | st.none(),
    "Boolean": st.booleans() | st.none(),
    "String": st.text(max_size=100) | st.none(),
    "DateTime": st.none(),
}


@st.composite
def tables_and_json_rows(draw: st.DrawFn) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """A table and rows that are JSON already."""
    columns = dict(draw(schemas))
    row = st.fixed_dictionaries({}, optional={name: json_values[columns[name]] for name in columns})
    return columns, draw(st.lists(row, max_size=30))


@MORE
@given(tables_and_json_rows(), st.integers(1, 12), st.integers(700, 5_000))
def test_bodies_stay_within_their_limits_are_filled_and_add_up_to_the_rows(
    table: tuple[dict[str, str], list[dict[str, Any]]], max_rows: int, max_bytes: int
) -> None:
    columns, rows = table
    schema = TableSchema("t", columns)
    assume(
        all(len(one) + 11 <= max_bytes for row in rows if isinstance(one := encode_row(columns, row, Options()), bytes))
    )
    bodies = list(schema.payloads(iter(rows), max_rows=max_rows, max_bytes=max_bytes))
    parts = [json.loads(body)["rows"] for body in bodies]
    assert [row for part in parts for row in part] == rows
    assert [list(row) for part in parts for row in part] == [list(row) for row in rows]
    assert all(1 <= len(part) <= max_rows for part in parts)
    assert all(len(body) <= max_bytes for body in bodies)
    for body, part, following in zip(bodies, parts, parts[1:], strict=False):
        first = encode_row(columns, following[0], Options())
        assert len(part) == max_rows or len(body) + 1 + len(first) > max_bytes
    assert list(schema.payloads(rows, max_rows=max_rows, max_bytes=max_bytes)) == bodies


@MORE
@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: abs(value) < 1.79e308))
def test_a_float_reads_back_as_itself_from_no_more_digits_than_needed(value: float) -> None:
    (body,) = TableSchema("t", {"v": float}).payloads([{"v": value}])
    text = body[14:-3].decode()
    assert math.copysign(1, float(text)) == math.copysign(1, value)
    assert float(text) == value

    def digits(number: str) -> int:
        return len(Decimal(number).normalize().as_tuple().digits)

    assert digits(text) == digits(repr(value))


@MORE
@given(st.lists(st.tuples(names, st.sampled_from(TYPES)), min_size=1, max_size=20, unique_by=lambda c: c[0].lower()))
def test_a_schema_survives_its_json_its_repr_and_its_order(columns: list[tuple[str, str]]) -> None:
    dataset = DatasetSchema("d", [TableSchema("t", [Column(*column) for column in columns])])
    assert DatasetSchema.from_json(dataset.to_json()) == dataset
    assert eval(repr(dataset)) == dataset  # noqa: S307 - our own
    assert [(column.name, column.data_type) for column in dataset.tables[0].columns] == columns


plain_values = st.one_of(
    st.integers(-(2**63) + 1, 2**63 - 2),
    st.floats(-1e300, 1e300),
    st.booleans(),
    st.text(max_size=9),
    st.dates(),
    st.none(),
)


@MORE
@given(st.lists(st.dictionaries(st.sampled_from("abc"), plain_values, max_size=3), max_size=6))
def test_rows_fit_the_table_that_was_inferred_from_them(rows: list[dict[str, object]]) -> None:
    seen = {name: {type(row[name]) for row in rows if row.get(name) is not None} for name in "abc"}
    kinds = [types for name, types in seen.items() if any(name in row for row in rows)]
    single = all(len(types) == 1 or types == {int, float} for types in kinds)
    assume(single and kinds)
    mixed = [name for name, types in seen.items() if types == {int, float}]
    whole = [value for name in mixed for row in rows if isinstance(value := row.get(name), int)]
    assume(all(float(value) == value for value in whole))
    table = TableSchema.infer("t", rows)
    assert table.validate(rows).ok
    assert {column.name for column in table.columns} == {name for row in rows for name in row}
