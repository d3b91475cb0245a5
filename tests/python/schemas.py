"""Schemas that several tests judge by, and what a refusal of one lists."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from powerbi_push import Column, ConfigurationError, DatasetSchema, Measure, Relationship, TableSchema

if TYPE_CHECKING:
    import pytest

ORDERS = TableSchema("Orders", {"Id": int, "Product": int})
PRODUCTS = TableSchema("Products", {"Id": int, "Name": str})
BELONGS = Relationship("belongs", "Orders", "Product", "Products", "Id")

RICH = DatasetSchema(
    "Sales",
    [
        TableSchema(
            "Orders",
            [
                Column("Id", int, is_hidden=True, summarize_by="none"),
                Column("Month", str, sort_by_column="Id"),
                Column("City", "string", data_category="City", is_hidden=False),
                Column("Price", Decimal, format_string="0.00", summarize_by="average"),
                Column("Weight", float),
                Column("Paid", bool),
                Column("At", datetime),
            ],
            measures=[
                Measure("Total", "SUM(Orders[Price])", format_string="0.0", description="All", is_hidden=False),
                Measure("Count", "COUNTROWS(Orders)"),
            ],
            description="What was ordered",
            is_hidden=False,
        ),
        TableSchema("Cities", {"Name": str}, is_hidden=True),
    ],
    relationships=[Relationship("city", "Orders", "City", "Cities", "Name", cross_filtering="BothDirections")],
)


def related(**change: Any) -> DatasetSchema:
    """Two tables and a relationship that differs from `BELONGS`."""
    return DatasetSchema("d", [ORDERS, PRODUCTS], relationships=[dataclasses.replace(BELONGS, **change)])


def problems(refused: pytest.ExceptionInfo[ConfigurationError]) -> list[str]:
    """The problems that the error lists, one each."""
    head, *listed = refused.value.message.split("\n- ")
    return listed or [head]


def many_columns(count: int) -> dict[str, type]:
    return {f"c{number}": int for number in range(count)}
