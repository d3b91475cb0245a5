"""Numbers of NDJSON and JSON arrive as they stand in the file, or are refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from command import Command
from powerbi_push import DatasetSchema, TableSchema
from powerbi_push.cli.decoders import decoders_of, exact
from powerbi_push.cli.files import Asked
from powerbi_push.cli.judge import Judge
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TYPES = {"I": "Int64", "M": "Decimal", "D": "Double"}


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Emulator() as emulator:
        emulator.client().create_dataset(DatasetSchema("D", [TableSchema("T", TYPES)]))
        command = Command(emulator, tmp_path)
        command.write("schema.json", json.dumps(TYPES))
        yield command


NUMBERS = '{"I": 5.0, "M": 123456789012345.6789, "D": 0.1000000000000000055511151231257827}'
WRONG = ['{"I": 9007199254740993.0}', '{"I": 9007199254740992.6}', '{"M": 0.1000000000000000055511151231257827}']


@pytest.mark.parametrize("kind", ["ndjson", "json", "follow", "blank"])
def test_no_number_is_changed_on_its_way(command: Command, kind: str) -> None:
    lines = [NUMBERS, *WRONG]
    if kind == "blank":
        # Where one of them is blank, lines are parsed one by one.
        lines = ["", *lines]
    text = f"[{','.join(lines)}]" if kind == "json" else "\n".join(lines) + "\n"
    command.write("a.json" if kind == "json" else "a.ndjson", text)
    how = ("a.json" if kind == "json" else "a.ndjson", "D/T") if kind != "follow" else ("-", "D/T", "--follow")
    call = ("push", *how, "--schema", "schema.json", "--rejects", "bad.ndjson")
    ran = command("--json", *call, stdin=text.encode() if kind == "follow" else b"")
    assert (ran.code, ran.json["confirmed"], ran.json["rejected"]) == (0, 1, 3), ran.err
    (sent,) = [one.body for one in command.emulator.requests if one.path.endswith("/rows")]
    assert sent == b'{"rows":[{"I":5,"M":123456789012345.6789,"D":0.1000000000000000055511151231257827}]}'
    found = [json.loads(line) for line in (command.folder / "bad.ndjson").read_text().splitlines()]
    assert [one["column"] for one in found] == ["I", "I", "M"]
    assert found[1]["row"] == {"I": "9007199254740992.6"}


def decoded(text: str, types: dict[str, str] | None) -> list[object]:
    asked = Asked(path="-", judge=None if types is None else Judge(TableSchema("T", types), {}))
    decoders = decoders_of(asked)
    return [decoder.decode(f'{{"x": {text}}}')["x"] for decoder in (decoders.plain, decoders.careful)]


def test_only_columns_that_hold_more_digits_have_numbers_taken_exactly() -> None:
    text = "123456789012345.6789"
    for types in ({"I": "Int64"}, {"M": "Decimal", "S": "String"}):
        assert decoded(text, types) == [Decimal(text)] * 2
        assert list(map(type, decoded("0.25", types))) == [float] * 2
    for other in (None, {"D": "Double", "S": "String"}):
        assert decoded(text, other) == [float(text)] * 2


@settings(deadline=None, database=None, derandomize=True)
@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24}([eE][+-]?[0-9]{1,3})?|[eE][+-]?[0-9]{1,3})", fullmatch=True)
)
@example("9007199254740993.0")
@example("123456789012345.6789")
@example("0.30000000000000004")
@example("2.5000000000000000000")
@example("1e-400")
@example("-0.0")
@example("99999999999999.9")
def test_a_float_is_taken_where_it_is_the_number(text: str) -> None:
    number, precise = exact(text), Decimal(text)
    told = Decimal(repr(number)) if isinstance(number, float) else number
    assert told == precise or number in {float("inf"), float("-inf")}
    assert isinstance(number, float) is (Decimal(repr(float(text))) == precise or abs(float(text)) == float("inf"))
