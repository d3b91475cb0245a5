"""The judgement of a Spark frame's columns before a row of it is computed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from powerbi_push.calls.options import DEFAULTS, RowOptions
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.schema.table import TableSchema, as_table_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powerbi_push.tracebacks import Hidden

#: A value of each kind of Arrow column, by how the name of its type begins; the first that fits.
_SAMPLES = (
    (("int", "uint"), 0),
    (("float", "double", "halffloat"), 0.0),
    (("bool",), False),
    (("string", "large_string"), ""),
    (("decimal",), Decimal(0)),
    (("timestamp",), datetime(2000, 1, 1, tzinfo=UTC)),
    (("date",), date(2000, 1, 1)),
    (("time",), time(0)),
)
#: What is wrong with a column, and not with the sample.
_OF_COLUMNS = {"wrong_type", "unknown_column"}
#: The table of a frame whose table nobody has described.
_NAMELESS = "rows"


def check_schema(struct: Any, schema: Hidden[Any], options: Mapping[str, Any], more: str | None = None) -> None:
    """Judge the columns of a frame of Spark.

    Args:
        struct: Spark's StructType.
        schema: What the rows are to look like, None where that is not known; it may be a secret by mistake.
        options: How rows are judged; others do not matter.
        more: The name of a column of text that is added to each row.

    Raises:
        ConfigurationError: A column cannot be pushed, or not into this table.
    """
    from pyspark.sql.pandas.types import to_arrow_schema  # noqa: PLC0415 - whoever has a StructType has it

    fields = to_arrow_schema(struct, timezone="UTC")
    if more is not None:
        import pyarrow as pa  # noqa: PLC0415 - Spark needs it too

        if more in fields.names:
            msg = f"the frame has a column `{more}` already, which `id_column` is to add"
            raise ConfigurationError(msg)
        fields = fields.append(pa.field(more, pa.string()))
    check_columns(fields, as_table_schema(_NAMELESS, schema), options)


def check_columns(fields: Any, schema: TableSchema | None, options: Mapping[str, Any]) -> None:
    """Judge columns of Arrow: a sample of each kind must be a cell of its column.

    Args:
        fields: Arrow's schema.
        schema: What the rows are to look like; None where that is not known.
        options: How rows are judged; others do not matter.

    Raises:
        ConfigurationError: A column cannot be pushed, or not into this table.
    """
    if not fields.names:
        msg = "the frame has no columns"
        raise ConfigurationError(msg, hint="select at least one column of the table")
    sample = _sample(fields)
    if schema is None:
        # A column of Spark's type void holds nothing but null, which every column takes.
        typed = [field.name for field in fields if str(field.type) != "null"]
        if typed:
            TableSchema.infer(_NAMELESS, sample.select(typed).slice(0, 0))
        return
    told = {name: value for name, value in options.items() if name in DEFAULTS[RowOptions]}
    wrong = [error.message for error in schema.validate(sample, **told).errors if error.code in _OF_COLUMNS]
    if wrong:
        msg = f"the frame does not fit table `{schema.name}`: {'; '.join(wrong)}"
        raise ConfigurationError(msg, hint="nothing was computed or sent; cast or rename the columns, or drop them")


def on_clock(frame: Any, zone: str) -> Any:
    """Let the times of a table of Arrow be told by the clock of a zone; they stay the same times.

    Args:
        frame: A table of Arrow.
        zone: What Spark calls the zone of a session.
    """
    import pyarrow as pa  # noqa: PLC0415 - who has such a table has it

    fields = [
        field.with_type(pa.timestamp(field.type.unit, zone)) if getattr(field.type, "tz", None) else field
        for field in frame.schema
    ]
    return frame.cast(pa.schema(fields))


def _sample(fields: Any) -> Any:
    """Make a frame of one row, empty where no column type takes what the column holds."""
    import pyarrow as pa  # noqa: PLC0415 - Spark needs it too

    columns = []
    for field in fields:
        name = str(field.type)
        value = next((value for kinds, value in _SAMPLES if name.startswith(kinds)), None)
        columns.append(pa.array([value], field.type))
    return pa.Table.from_arrays(columns, schema=fields)
