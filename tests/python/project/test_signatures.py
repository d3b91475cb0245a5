"""Every option is in the signature of the verbs that take it, with its default, and is explained once."""

from __future__ import annotations

import asyncio
import inspect
import pydoc
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import make_table, orders
from powerbi_push.calls.options import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from powerbi_push.emulator import Emulator

ROWS = {
    "naive_datetimes": "keep",
    "too_long": "error",
    "nan": "null",
    "unknown_columns": "error",
    "aware_datetimes": "utc",
    "decimals": "error",
    "convert": False,
}
CHECKS = {**ROWS, "on_invalid": "raise", "check": "all", "max_errors": 1_000}
PUSHES = {**CHECKS, "on_doubt": "resend", "on_refused": "raise", "timeout": None, "progress": None}
SENDERS = {
    **ROWS,
    "max_rows": 10_000,
    "max_bytes": None,
    "max_delay": 1.0,
    "outbox": None,
    "outbox_bytes": 1_000_000_000,
    "buffer_bytes": 64_000_000,
    "on_full": "block",
    "full_timeout": 30.0,
    "on_doubt": "resend",
    "on_refused": "isolate",
    "on_error": None,
    "close_timeout": 5.0,
}
PLACES = {
    "schema": None,
    "credential": None,
    "cloud": "public",
    "base_url": None,
    "if_exists": "append",
    "create": False,
}
VERBS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (pbi.push, {**PLACES, **PUSHES}),
    (pbi.push_async, {**PLACES, **PUSHES}),
    (pbi.Table.push, PUSHES),
    (pbi.Table.push_async, PUSHES),
    (pbi.Table.replace, PUSHES),
    (pbi.Table.replace_async, PUSHES),
    (pbi.Table.sender, SENDERS),
    (pbi.StreamingDataset.push, PUSHES),
    (pbi.StreamingDataset.push_async, PUSHES),
    (pbi.StreamingDataset.sender, SENDERS),
    (pbi.TableSchema.validate, {"max_errors": 1_000, **ROWS}),
    (pbi.TableSchema.payloads, {"max_rows": 10_000, "max_bytes": 16_000_000, **CHECKS}),
]
KINDS: list[Any] = [pbi.RowOptions, pbi.CheckOptions, pbi.PushOptions, pbi.SenderOptions]


@pytest.mark.parametrize(("verb", "options"), VERBS, ids=lambda one: getattr(one, "__qualname__", ""))
def test_a_signature_holds_every_option_with_its_default(verb: Callable[..., Any], options: dict[str, Any]) -> None:
    parameters = inspect.signature(verb).parameters.values()
    named = {one.name: one.default for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}
    assert named == options
    assert [one for one in parameters if one.kind is inspect.Parameter.VAR_KEYWORD] == []
    assert [one.name for one in parameters if one.annotation is inspect.Parameter.empty] in ([], ["self"])
    shown = pydoc.plain(pydoc.render_doc(verb))
    assert [name for name in options if not re.search(rf"\b{name}: ", shown)] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_option_is_a_key_with_a_default_and_an_explanation(kind: Any) -> None:
    assert set(DEFAULTS[kind]) == set(kind.__annotations__)
    _, _, explained = (kind.__doc__ or "").partition("Attributes:\n")
    names = re.findall(r"^ +(\w+): ", explained, re.MULTILINE)
    assert sorted(names) == sorted(set(names))
    assert set(kind.__annotations__) <= set(names)


def test_the_defaults_that_are_shown_are_those_that_are_taken(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    assert table.push(orders(3), **DEFAULTS[pbi.PushOptions]).confirmed == 3
    with table.sender(**DEFAULTS[pbi.SenderOptions]) as sender:
        sender.send({"Id": 1})
    assert table.schema is not None
    assert table.schema.validate(orders(3), **DEFAULTS[pbi.RowOptions]).ok
    assert len(list(table.schema.payloads(orders(3), **DEFAULTS[pbi.CheckOptions]))) == 1


def test_a_misspelt_option_is_the_error_that_python_itself_has(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    schema = table.schema
    assert schema is not None
    stream = pbi.StreamingDataset(powerbi.streaming_dataset("S", {"Id": int}))

    def said(verb: Callable[..., Any], *arguments: Any, **options: Any) -> str:
        async def awaited() -> None:
            await verb(*arguments, **options)

        with pytest.raises(TypeError) as caught:
            asyncio.run(awaited())
        return str(caught.value)

    wrong: dict[str, Any] = {"on_invalld": "skip"}
    verbs: dict[str, Callable[..., Any]] = {
        "Table.push": table.push,
        "Table.push_async": table.push_async,
        "Table.replace": table.replace,
        "Table.replace_async": table.replace_async,
        "StreamingDataset.push": stream.push,
        "StreamingDataset.push_async": stream.push_async,
        "TableSchema.payloads": schema.payloads,
    }
    for name, verb in verbs.items():
        expected = f"{name}() got an unexpected keyword argument 'on_invalld'. Did you mean 'on_invalid'?"
        assert said(verb, [], **wrong) == expected
    for push in (pbi.push, pbi.push_async):
        expected = f"{push.__name__}() got an unexpected keyword argument 'on_invalld'. Did you mean 'on_invalid'?"
        assert said(push, [], "A/B", **wrong) == expected
    for sender in (table.sender, stream.sender):
        expected = f"{sender.__qualname__}() got an unexpected keyword argument 'max_row'. Did you mean 'max_rows'?"
        assert said(sender, max_row=1) == expected
    assert said(schema.validate, [], qqq=1) == "TableSchema.validate() got an unexpected keyword argument 'qqq'"


def test_the_public_names_are_all_that_is_shown() -> None:
    assert dir(pbi) == vars(pbi)["__all__"]
    imported = "import powerbi_push as pbi, powerbi_push.powerbi.table"
    script = f"{imported}; pbi.Emulator, pbi.push; print(dir(pbi) == pbi.__all__)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50)
    assert ran.stdout == "True\n"


def test_the_emulator_is_a_public_name() -> None:
    with pbi.Emulator() as emulator:
        assert pbi.push([{"Id": 1}], "S/T", create=True, credential=emulator.credential, base_url=emulator.url).ok


TYPED = """
import powerbi_push as pbi
from powerbi_push import PushOptions, SenderOptions

def push(table: pbi.Table, options: PushOptions, more: SenderOptions) -> None:
    table.push([], **options)
    table.sender(**more)
    table.push([], on_invalid="skip", progress=lambda progress: print(progress.read))
    pbi.TableSchema("T", {"a": int, "b": "string", "c": float})
    pbi.StreamingDataset("https://x", {"a": int, "b": "DateTime"})
    mixed = {"a": int, "b": "string"}
    pbi.TableSchema("T", mixed)
    columns = [pbi.Column("a", int), pbi.Column("b", "text")]
    pbi.TableSchema("T", columns)
    pbi.TableSchema.infer("T", [], types={"a": str, "b": "number"})
"""


def test_type_checkers_take_what_is_right_and_refuse_what_is_wrong(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")

    def found(name: str, text: str) -> list[str]:
        file = tmp_path / f"{name}.py"
        file.write_text(text)
        options = ["--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache")]
        out, errors, _ = mypy.run([*options, str(file)])
        assert errors == ""
        return [line for line in out.splitlines() if "error:" in line]

    assert found("right", TYPED) == []
    wrong = found("wrong", TYPED.replace('on_invalid="skip"', 'on_invalld="skip"'))
    assert len(wrong) == 1
    assert "on_invalld" in wrong[0]
