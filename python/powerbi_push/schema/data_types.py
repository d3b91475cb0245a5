"""Data types by their names, by Python's own classes, and by the types of numpy, pandas, polars and Arrow."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from powerbi_push import _core
from powerbi_push.calls.arguments import look_at, owned_by, shown
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import frameless

_PYTHON_TYPES: dict[type, str] = {
    int: "Int64",
    float: "Double",
    bool: "Boolean",
    datetime: "DateTime",
    date: "DateTime",
    time: "Time",
    str: "String",
    Decimal: "Decimal",
}
_TYPES = "Int64, Double, Boolean, DateTime, String, Decimal"
#: numpy's letters for kinds of types; objects are text where nobody says what else they are.
_KINDS = {"b": "Boolean", "i": "Int64", "u": "Int64", "f": "Double", "M": "DateTime", "U": "String", "O": "String"}
_POLARS = {
    "Boolean": "Boolean",
    "Int8 Int16 Int32 Int64 Int128 UInt8 UInt16 UInt32 UInt64 UInt128": "Int64",
    "Float16 Float32 Float64": "Double",
    "Decimal": "Decimal",
    "Date Datetime": "DateTime",
    "Time": "Time",
    "String Utf8 Categorical Enum": "String",
}
_ARROW = {
    "bool": "Boolean",
    "int8 int16 int32 int64 uint8 uint16 uint32 uint64": "Int64",
    "halffloat float double": "Double",
    "decimal32 decimal64 decimal128 decimal256": "Decimal",
    "date32 date64 timestamp": "DateTime",
    "time32 time64": "Time",
    "string large_string string_view": "String",
}


@frameless
def type_name(name: str, data_type: object) -> str:
    """Spell the type of the column `name` as the documentation does.

    Raises:
        ConfigurationError: There is no such data type.
    """
    look_at("data_type", data_type)
    known = name_of(data_type)
    if known is None:
        is_type = isinstance(data_type, str | type) or not (_is_plain(data_type) or hasattr(type(data_type), "__len__"))
        what = shown(data_type) if is_type else f"(a value: {type(data_type).__name__})"
        msg = f"{owned_by('column', name)} has the `data_type` {what}; the types are {_TYPES}"
        hint = "Python's int, float, bool, datetime, date, str and Decimal are taken too, and types of numpy, pandas, "
        hint += "polars and Arrow that mean one of these"
        raise ConfigurationError(
            msg, hint=hint if is_type else f"{hint}; TableSchema.infer(name, rows) reads types off values"
        )
    return known


def name_of(data_type: object) -> str | None:
    """Find the type that a name, a class or a type of another library means; None for none."""
    if isinstance(data_type, str):
        return _core.data_type_name(data_type)
    made = data_type if isinstance(data_type, type) else type(data_type)
    if made is data_type and made in _PYTHON_TYPES:
        return _PYTHON_TYPES[made]
    library = made.__module__.partition(".")[0]
    if library == "numpy":
        return _numpy(data_type)
    if library == "pandas":
        return _pandas(data_type)
    if library == "polars":
        return _listed(_POLARS, made.__name__)
    return _arrow(data_type) if library == "pyarrow" else None


def is_date(data_type: object) -> bool:
    """Whether it says a date without a time of day, for services that have such columns."""
    if isinstance(data_type, str):
        return str.lower(data_type) == "date"
    made = data_type if isinstance(data_type, type) else type(data_type)
    library = made.__module__.partition(".")[0]
    if library == "polars":
        return made.__name__ == "Date"
    if library == "pyarrow":
        return str(data_type).startswith("date")
    return made is data_type and made is date


def _is_plain(given: object) -> bool:
    """Whether it is of one of Python's own classes, as values are."""
    return type(given).__module__ in {"builtins", "datetime", "decimal"}


def _listed(names: dict[str, str], name: str) -> str | None:
    return next((known for listed, known in names.items() if name in listed.split()), None)


def _numpy(data_type: Any) -> str | None:
    import numpy as np  # noqa: PLC0415 - it made what was given

    # A class of its scalars, such as `numpy.int64`, or `numpy.dtype("int64")`.
    try:
        return _KINDS.get(np.dtype(data_type).kind)
    except TypeError:
        return None


def _pandas(data_type: Any) -> str | None:
    for inner in ("pyarrow_dtype", "subtype"):  # what Arrow types and sparse ones hold
        if hasattr(data_type, inner) and not str(data_type).startswith("interval"):
            return name_of(getattr(data_type, inner))
    if hasattr(data_type, "categories"):
        return "String" if data_type.categories is None else name_of(data_type.categories.dtype)
    name = str(getattr(data_type, "name", ""))
    if name.startswith(("str", "string")):
        return "String"
    kind = getattr(data_type, "kind", None)
    return _KINDS.get(kind) if isinstance(kind, str) and kind != "O" else None


def _arrow(data_type: Any) -> str | None:
    inner = getattr(data_type, "value_type", None)
    if inner is not None and str(data_type).startswith(("dictionary", "run_end_encoded")):
        return name_of(inner)
    return _listed(_ARROW, str(data_type).partition("[")[0].partition("(")[0])
