"""Advice that fits: what is wrong about an argument, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import make_table, orders

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator


@pytest.mark.parametrize(
    ("option", "value", "written"),
    [
        ("unknown_columns", "ignore", 'unknown_columns="ignore"'),
        ("convert", True, "convert=True"),
        ("decimals", "round", 'decimals="round"'),
    ],
)
def test_an_option_without_effect_needs_a_schema(powerbi: Emulator, option: str, value: Any, written: str) -> None:
    make_table(powerbi)
    table = powerbi.client().dataset("Sales").table("Orders")
    options: Any = {option: value}
    for verb in (lambda: table.push(orders(1), **options), lambda: table.sender(**options)):
        with pytest.raises(pbi.ConfigurationError) as caught:
            verb()
        assert caught.value.message == f"`{written}` needs schema=: without one it has no effect"
    assert table.push(orders(1)).ok
    known = powerbi.client().dataset("Sales").table(schema=pbi.TableSchema("Orders", {"Id": int}))
    assert known.push(orders(1), **options).ok


def test_a_dataset_is_no_target_and_its_tables_are(powerbi: Emulator) -> None:
    dataset: Any = make_table(powerbi).dataset
    with pytest.raises(pbi.ConfigurationError) as caught:
        pbi.push(orders(1), dataset)
    assert str(caught.value) == (
        "dataset `Sales` is no target: rows go into one of its tables\n"
        'hint: dataset.table("Name").push(rows), or dataset.table() for the only one'
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_invalid": "ignore"}, '`on_invalid` takes "raise" or "skip", not \'ignore\''),
        ({"unknown_columns": None}, '`unknown_columns` takes "error" or "ignore", not None'),
        ({"max_errors": -1}, "`max_errors` takes a whole number from 0, not -1"),
        ({"timeout": "5"}, "`timeout` takes a number of seconds above 0, or None, not '5'"),
        ({"check": ["all"]}, '`check` takes "all" or "batch", not list'),
        ({"nan": "x" * 200}, f'`nan` takes "null" or "error", not \'{"x" * 99}…'),
    ],
    ids=str,
)
def test_a_wrong_value_of_an_option_is_shown(powerbi: Emulator, options: Any, message: str) -> None:
    with pytest.raises(pbi.ConfigurationError) as caught:
        make_table(powerbi).push(orders(1), **options)
    assert caught.value.message == message
