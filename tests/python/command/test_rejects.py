"""`--rejects`: which file it may be, what stays in it, and that whatever is wrong with a line goes there."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from command import Command
from powerbi_push import DatasetSchema, PushResult, RowError, TableSchema
from powerbi_push.cli.readings import Broken
from powerbi_push.cli.rejects import Rejects
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = '{"Id": "int", "S": "string"}'
EARLIER = '{"line": 7, "reason": "of an earlier run", "text": "x"}\n'


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Emulator() as emulator:
        emulator.client().create_dataset(DatasetSchema("D", [TableSchema("T", {"Id": int, "S": str})]))
        command = Command(emulator, tmp_path)
        command.write("schema.json", SCHEMA)
        yield command


def refuse(word: str) -> NoReturn:
    raise ValueError(word)


def entries(command: Command) -> list[tuple[Any, ...]]:
    """The line, and the code or the reason, of each reject, which is strict JSON."""
    lines = (command.folder / "bad.ndjson").read_text().splitlines()
    found = [json.loads(line, parse_constant=refuse) for line in lines]
    return [(one["line"], one.get("code", one["reason"])) for one in found]


def ids(command: Command, target: str = "D/T") -> list[int]:
    return sorted(row["Id"] for row in command.emulator.rows(target))


def test_a_stream_keeps_the_rejects_of_earlier_runs(command: Command) -> None:
    for number in range(3):
        ran = command(
            *("push", "-", "D/T", "--follow", "--schema", "schema.json", "--rejects", "bad.ndjson"),
            stdin=b'{"Id": %d}\n' % number + b'{"Id": "x"}\n' * (number < 2),
        )
        assert ran.code == 0, ran.err
    assert (entries(command), ids(command)) == ([(2, "wrong_type")] * 2, [0, 1, 2])


def test_a_stream_goes_on_behind_a_line_that_a_kill_has_cut_off(command: Command) -> None:
    (command.folder / "bad.ndjson").write_text(f'{EARLIER}{{"line": 9, "rea')
    command("push", "-", "D/T", "--follow", "--rejects", "bad.ndjson", stdin=b'{"Id": [2]}\n')
    lines = (command.folder / "bad.ndjson").read_text().splitlines()
    assert (lines[:2], json.loads(lines[2])["line"]) == ([EARLIER[:-1], '{"line": 9, "rea'], 1)


def test_a_file_begins_its_rejects_anew_once_rows_are_read_and_not_before(command: Command) -> None:
    path = command.write("bad.ndjson", EARLIER)
    command.write("a.csv", "Id,S\n1,a\n")
    command.write("bad.csv", "Id,S\n1,a\nx,b\n2\n")
    command.write("none.csv", "Id,S\n")
    command.write("bad.ndjson.gz", gzip.compress(b'{"Id": "x"}\n{broken\n{"Id": 1}\n', mtime=0))
    for failing in (
        ("a.csv", "D/T", "--schema", "missing.json"),
        ("missing.csv", "D/T", "--schema", "schema.json"),
        ("a.csv", "Nowhere/T", "--schema", "schema.json"),
        ("bad.csv", "Nowhere/T", "--schema", "schema.json"),
        ("none.csv", "Nowhere/T", "--schema", "schema.json"),
        ("bad.ndjson.gz", "Nowhere/T"),
    ):
        ran = command("--json", "push", *failing, "--rejects", "bad.ndjson")
        assert (ran.code, path.read_text()) == (1, EARLIER), failing
        assert ran.json.get("result", {"rejected": 0})["rejected"] == 0
    assert command("push", "a.csv", "D/T", "--schema", "schema.json", "--rejects", "bad.ndjson").code == 0
    assert path.read_text() == ""


def test_the_account_of_a_push_that_fails_behind_its_first_rows_agrees_with_the_file(command: Command) -> None:
    command.write("bad.ndjson", EARLIER)
    command.write("a.csv", "Id,S\n" + "".join(f"{number},a\n" for number in range(9_000)) + "x,b\n2\n")
    command.emulator.fail_next(404, route="/rows")
    ran = command("--json", "push", "a.csv", "D/T", "--schema", "schema.json", "--rejects", "bad.ndjson")
    result = ran.json["result"]
    assert (ran.code, result["read"], result["rejected"], result["unsent"]) == (1, 9_002, 9_002, 0)
    assert sorted(line for line, _ in entries(command)) == [2, 9_002, 9_003]
    (refused,) = [
        entry
        for entry in map(json.loads, (command.folder / "bad.ndjson").read_text().splitlines())
        if entry.get("code") == "refused"
    ]
    assert refused == {
        "line": 2,
        "lines": [2, 9_001],
        "code": "refused",
        "reason": "sending rows: the service answered 404: PowerBIEntityNotFound",
    }


def test_a_rehearsal_lists_what_is_wrong_and_leaves_the_rejects_of_a_push(command: Command) -> None:
    path = command.write("bad.ndjson", EARLIER)
    command.write("a.csv", "Id,S\n1,a\nx,b\n2\n")
    call = ("push", "a.csv", "D/T", "--schema", "schema.json", "--dry-run", "--rejects")
    ran = command("--json", *call, "bad.ndjson")
    assert (ran.code, path.read_text()) == (1, EARLIER)
    assert [(one["line"], one["code"]) for one in ran.json["problems"]] == [(3, "wrong_type"), (4, "broken")]
    assert (command(*call, "new.ndjson").code, (command.folder / "new.ndjson").exists()) == (1, False)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.csv", "--rejects names the file that is read"),
        ("./schema.json", "--rejects names the file of --schema"),
        ("rows.db", "--rejects names the file of --outbox"),
        ("other.ndjson", "--rejects names a file that is none of rejected rows: other.ndjson; name a new one"),
        ("other.txt", "--rejects names a file that is none of rejected rows: other.txt; name a new one"),
    ],
)
def test_rejects_never_take_the_place_of_another_file(command: Command, name: str, told: str) -> None:
    command.write("other.ndjson", '{"line": 1, "Id": 2}\n')
    command.write("other.txt", "notes")
    command.write("a.csv", "Id,S\n1,a\n")
    asked = len(command.emulator.requests)
    before = {path.name: path.read_bytes() for path in command.folder.iterdir()}
    following = ("--follow", "--outbox", "rows.db") if name == "rows.db" else ()
    ran = command("push", "a.csv", "D/T", "--schema", "schema.json", "--rejects", name, *following)
    assert (ran.code, f"error: {told}" in ran.err) == (2, True), ran.err
    assert {path.name: path.read_bytes() for path in command.folder.iterdir()} == before
    assert len(command.emulator.requests) == asked


DEEP = '{"Id":' + "[" * 1_100 + "]" * 1_100 + "}"


def test_lines_that_are_nested_deeply_are_among_the_rejects(command: Command) -> None:
    good = "".join(f'{{"Id": {number}}}\n' for number in range(1_500))
    deep = "".join(f'{{"Id": {"[" * depth}{"]" * depth}}}\n' for depth in (900, 1_100, 50_000))
    command.write("a.ndjson", f'{good}{deep}{{"Id": 1500}}\n')
    ran = command("push", "a.ndjson", "D/T", "--schema", "schema.json", "--rejects", "bad.ndjson")
    assert (ran.code, len(ids(command))) == (0, 1_501), ran.err
    told = "is nested too deeply"
    assert sorted(entries(command)) == [(1_501, "wrong_type"), (1_502, told), (1_503, told)]


def test_a_line_that_is_nested_too_deeply_ends_a_push_behind_what_comes_before_it(command: Command) -> None:
    command.write("a.ndjson", f'{{"Id": 1}}\n{{"Id": 2}}\n{DEEP}\n{{"Id": 3}}\n')
    ran = command("--json", "push", "a.ndjson", "D/T", "--schema", "schema.json")
    assert (ran.code, ran.json["error"]["message"], ran.json["result"]["read"]) == (
        *(1, "a.ndjson:3: is nested too deeply", 2),
    )
    command.write("a.json", f'[{{"Id": 1}},\n{{"Id": 2}},\n{DEEP},\n{{"Id": 3}}]')
    ran = command("--json", "push", "a.json", "D/T", "--schema", "schema.json")
    assert (ran.code, ran.json["error"]["message"], ran.json["result"]["read"]) == (
        *(1, "a.json:3: is nested too deeply", 2),
    )


@pytest.mark.parametrize(("follow", "code"), [((), 0), (("--rejects", "bad.ndjson"), 0)])
def test_a_stream_loses_nothing_to_a_line_that_is_nested_too_deeply(
    command: Command, follow: tuple[str, ...], code: int
) -> None:
    given = f'{{"Id": 1}}\n{{"Id": 2}}\n{DEEP}\n{{"Id": 3}}\n'.encode()
    ran = command("--json", "push", "-", "D/T", "--follow", "--schema", "schema.json", *follow, stdin=given)
    if follow:
        assert (ran.code, ids(command), entries(command)) == (code, [1, 2, 3], [(3, "is nested too deeply")])
    else:
        assert (ran.code, ran.json["error"]["message"], ran.json["result"]["confirmed"], ids(command)) == (
            *(1, "stdin:3: is nested too deeply", 2, [1, 2]),
        )


def test_an_element_of_an_array_that_is_none_is_one_of_the_rejects(command: Command) -> None:
    command.write("a.json", f'[{{"Id": 1}},\n{{"Id": 2, "Id": 3}},\n{DEEP},\n5, {{"S": "}}]\\"", "Id": 4}}]')
    ran = command("push", "a.json", "D/T", "--schema", "schema.json", "--rejects", "bad.ndjson")
    assert (ran.code, ids(command)) == (0, [1, 4]), ran.err
    assert sorted(entries(command)) == [
        (2, "has the key 'Id' twice"),
        (3, "is nested too deeply"),
        (4, "not_a_mapping"),
    ]


@pytest.mark.parametrize("follow", [False, True])
def test_a_quote_that_stands_wrong_is_one_of_the_rejects(command: Command, follow: bool) -> None:  # noqa: FBT001
    text = 'Id,S\n1,a\n2,"b"x\n"3\n","x"y\n4,d\n'
    command.write("a.csv", text)
    how = ("-", "--follow") if follow else ("a.csv",)
    call = ("push", how[0], "D/T", *how[1:], "--schema", "schema.json", "--rejects", "bad.ndjson")
    ran = command(*call, stdin=text.encode() if follow else b"")
    assert (ran.code, ids(command)) == (0, [1, 4]), ran.err
    reason = "a quote stands where none may: ',' expected after '\"'"
    assert entries(command) == [(3, reason), (4, f"{reason}, on line 5")]
    texts = [json.loads(line)["text"] for line in (command.folder / "bad.ndjson").read_text().splitlines()]
    assert texts == [["2", '"b"x'], ["3\n", '"x"y']]


def test_a_row_that_a_push_url_does_not_take_is_one_of_the_rejects_and_a_rehearsal_finds_it(command: Command) -> None:
    url = command.emulator.streaming_dataset("Sensors", dict.fromkeys("ABCDE", "Text"))
    command.write("url.txt", url)
    command.write("schema.json", json.dumps(dict.fromkeys("ABCDE", "string")))
    large = dict.fromkeys("ABCDE", "x" * 3900)
    command.write("a.ndjson", f'{{"A": "a"}}\n{json.dumps(large)}\n{{"A": "b"}}\n')
    call = ("push", "a.ndjson", "@url.txt", "--schema", "schema.json")
    ran = command("--json", *call, "--rejects", "bad.ndjson")
    assert (ran.code, ran.json["confirmed"], ran.json["rejected"]) == (0, 2, 1), ran.err
    (told,) = map(json.loads, (command.folder / "bad.ndjson").read_text().splitlines())
    assert (told["line"], told["code"], told["row"]) == (2, "row_too_large", large)
    rehearsal = command("--json", *call, "--dry-run")
    assert [(one["line"], one["code"]) for one in rehearsal.json["problems"]] == [(2, "row_too_large")]
    assert rehearsal.json["problems"][0]["reason"] == told["reason"]
    assert command("push", "a.ndjson", "D/T", "--schema", "schema.json", "--dry-run").code == 0


@pytest.mark.parametrize("given", [(), ("--schema", "schema.json")], ids=["inferred", "schema"])
@pytest.mark.parametrize("stdin", [False, True], ids=["file", "stdin"])
def test_lines_that_have_no_types_are_among_the_rejects_with_a_schema_and_without(
    command: Command,
    given: tuple[str, ...],
    stdin: bool,  # noqa: FBT001 - pytest's way
) -> None:
    bad = {
        b"5": "not_a_mapping",
        b'[{"Id": 2}]': "not_a_mapping",
        b'{"Id": [2]}': "wrong_type",
        b'{"Id": 1e999}': "not_finite",
        b'{"S": "\xff"}': "not_utf8",
        b'{"S": "\\ud83d"}': "not_utf8",
        b'{"S": "%s"}' % (b"x" * 4_001): "too_long",
    }
    text = b'{"Id": 1, "S": "a"}\n' + b"\n".join(bad) + b'\n{"Id": 3, "S": "c"}\n'
    command.write("a.ndjson", text)
    call = ("-", "--format", "ndjson") if stdin else ("a.ndjson",)
    ran = command("push", call[0], "D/T", *call[1:], *given, "--rejects", "bad.ndjson", stdin=text if stdin else b"")
    assert (ran.code, ids(command)) == (0, [1, 3]), ran.err
    assert entries(command) == [*enumerate(bad.values(), 2)]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ('{"Id": [2]}', "a.ndjson:2: column `Id` has a value that no type takes: list; "),
        ('{"Id": 1e999}', "a.ndjson:2: column `Id` has an infinite number: float (`inf`)"),
        ('{"Id": 2, "S": "\\ud83d"}', "a.ndjson:2: column `S` has text with a lone surrogate"),
        ("5", "a.ndjson:2: is no object, but int"),
        (
            f'{{"Id": 2, "S": "{"x" * 4_001}"}}',
            "a.ndjson:2: column `S` holds text of 4001 UTF-16 units; the service takes 4000: ",
        ),
    ],
    ids=["list", "infinite", "surrogate", "number", "long"],
)
def test_what_has_no_types_is_named_with_its_line(command: Command, bad: str, told: str) -> None:
    command.write("a.ndjson", f'{{"Id": 1, "S": "a"}}\n{bad}\n')
    ran = command("push", "a.ndjson", "D/T")
    errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert (ran.code, errors[0][: len(told) + 7]) == (1, f"error: {told}"), ran.err
    assert "hint: --rejects FILE sets such" in ran.err


def test_kinds_that_are_mixed_are_told_with_their_lines(command: Command) -> None:
    command.write("a.ndjson", '{"Id": 1}\n\n{"Id": [1]}\n{"Id": "x"}\n')
    ran = command("push", "a.ndjson", "D/T", "--rejects", "bad.ndjson")
    kinds = "int on line 1 (`1`), str on line 4 (`'x'`)"
    told = f"error: a.ndjson: the types cannot be inferred: column `Id` mixes kinds: {kinds}; --schema FILE with "
    assert (ran.code, ran.err.splitlines()[0][: len(told)]) == (1, told)


def test_long_text_is_text_and_may_be_cut(command: Command) -> None:
    command.write("a.csv", f"Id,S\n1,{'x' * 4_001}\n")
    assert command("push", "a.csv", "D/T", "--too-long", "truncate").code == 0
    assert command.emulator.rows("D/T") == [{"Id": 1, "S": "x" * 4_000}]


def test_a_line_that_is_too_long_is_one_wrong_line(command: Command) -> None:
    long = b'{"Id": 2}' + b" " * 16_000_000 + b'{"Id": 9}'
    text = b'{"Id": 1}\n' + long + b'\n{"Id": "x"}\n{"Id": 4}\n'
    command.write("a.ndjson", text)
    for how in (("a.ndjson", "D/T"), ("-", "D/T", "--follow")):
        (command.folder / "bad.ndjson").unlink(missing_ok=True)
        ran = command("push", *how, "--schema", "schema.json", "--rejects", "bad.ndjson", stdin=text)
        assert ran.code == 0, ran.err
        assert entries(command) == [(2, "is longer than 16 MB"), (3, "wrong_type")]
    assert ids(command) == [1, 1, 4, 4]


def test_rejects_are_strict_json(command: Command) -> None:
    text = b'{"Id": 1e999, "S": "a"}\n{"Id": [NaN, -Infinity]}\n'
    for how in (("a.ndjson", "D/T"), ("-", "D/T", "--follow")):
        command.write("a.ndjson", text)
        (command.folder / "bad.ndjson").unlink(missing_ok=True)
        command("push", *how, "--schema", "schema.json", "--rejects", "bad.ndjson", stdin=text)
        assert [line for line, _ in entries(command)] == [1, 2]
        rows = [json.loads(line)["row"] for line in (command.folder / "bad.ndjson").read_text().splitlines()]
        assert rows == [{"Id": "Infinity", "S": "a"}, {"Id": [None, "-Infinity"]}]


def test_neighbours_that_were_refused_without_a_word_are_one_entry(tmp_path: Path) -> None:
    rejects = Rejects(str(tmp_path / "bad.ndjson"))
    errors = (RowError(3, "S", "refused", "no", "str"), RowError(7, None, "wrong_type", "odd", "str"))
    states = [(0, 2, "confirmed"), (2, 6, "rejected"), (6, 7, "unsent"), (7, 8, "rejected"), (8, 9, "rejected")]
    rejects.begin()
    rejects.refused(PushResult(ranges=states, errors=errors), {2: 20, 3: 30, 4: 40, 5: 50, 7: 70, 8: 80}.get, "denied")
    rejects.close()
    assert rejects.count == 0
    found = [json.loads(line) for line in (tmp_path / "bad.ndjson").read_text().splitlines()]
    assert [(one["line"], one.get("lines"), one["reason"]) for one in found] == [
        (30, None, "no"),
        (70, None, "odd"),
        (20, [20, 20], "denied"),
        (40, [40, 50], "denied"),
        (80, [80, 80], "denied"),
    ]


def test_what_is_held_for_too_long_is_written(tmp_path: Path) -> None:
    path = tmp_path / "bad.ndjson"
    path.write_text(EARLIER)
    rejects = Rejects(str(path))
    rejects.broken(Broken(1, "odd", "x" * 15_000_000))
    assert path.read_text() == EARLIER
    rejects.broken(Broken(2, "odd", "x" * 1_000_000))
    rejects.drop()
    rejects.close()
    assert ([json.loads(line)["line"] for line in path.read_text().splitlines()], rejects.count) == ([1, 2], 2)


WINDOWS = "--encoding cp1252 reads what Windows writes in the West"
NO_UTF8 = "column `S` is no UTF-8, or half of a surrogate pair"


@pytest.mark.parametrize(
    ("name", "text"), [("l.csv", b"Id,S\n1,Gr\xfc\xdfe\n"), ("l.ndjson", b'{"Id": 1, "S": "Gr\xfc\xdfe"}\n')]
)
def test_a_cell_in_another_encoding_is_told_as_what_it_is(command: Command, name: str, text: bytes) -> None:
    where = f"{name}:{2 if name == 'l.csv' else 1}: "
    command.write(name, text)
    for call in ((name, "D/T"), ("-", "D/T", "--follow")):
        ran = command("push", *call, "--schema", "schema.json", stdin=text)
        first = where.replace(name, call[0].replace("-", "stdin"))
        told = ran.err.splitlines()
        assert (ran.code, told[0], told[1].split("; ")[0]) == (1, f"error: {first}{NO_UTF8}", f"hint: {WINDOWS}")
    found = command("validate", name, "--schema", "schema.json")
    assert (found.out, found.err.splitlines()[1:]) == (f"{where}{NO_UTF8}\n", [f"hint: {WINDOWS}"])
    assert command("push", name, "D/T", "--schema", "schema.json", "--encoding", "cp1252").code == 0
    assert command.emulator.rows("D/T") == [{"Id": 1, "S": "Grüße"}]


def test_bytes_that_are_no_utf8_are_written_as_escapes_and_pairs_stay(tmp_path: Path) -> None:
    path = tmp_path / "bad.ndjson"
    rejects = Rejects(str(path))
    rejects.broken(Broken(1, "odd", ["Gr\udcfc\udcdfe", "\ud83d", "\ud83dx", "😀\\ud83d", "\\\udcff", "\udc7f"]))
    rejects.begin()
    rejects.close()
    text = path.read_text()
    json.loads(text)["text"][0].encode()
    assert json.loads(text)["text"] == ["Gr\\xfc\\xdfe", "\\ud83d", "\\ud83dx", "😀\\ud83d", "\\\\xff", "\\udc7f"]
