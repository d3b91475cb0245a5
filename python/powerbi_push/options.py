"""The options of every verb that takes rows, in one place, so that all of them take the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.results import PushResult

#: Rows, of any of these kinds; Rust looks at what it really is.
#:
#: - An iterable of mappings (anything with ``keys()`` and ``[]``), or of instances of dataclasses, attrs or pydantic
#:   classes, or of named tuples. Fields are columns, in their order. ``itertuples()`` needs ``index=False``.
#: - A frame: a DataFrame of pandas or polars, pyarrow's Table, RecordBatch or RecordBatchReader, a relation of duckdb,
#:   or anything else with ``__arrow_c_stream__``. A pandas index is never pushed; column labels must be distinct
#:   strings. pandas needs no pyarrow for this, and is faster with it.
#:
#: A list, a tuple and a frame with a length can be read twice; everything else is read once.
Rows = Any


class RowOptions(TypedDict, total=False):
    """How rows are judged.

    Attributes:
        naive_datetimes: What to do with a date and time without a zone: ``"keep"`` sends it as it stands (default),
            ``"utc"`` takes it for UTC, ``"local"`` for this machine's zone, ``"error"`` refuses it.
        too_long: Text of more than 4,000 UTF-16 units is an ``"error"`` (default), or cut with ``"truncate"``.
        nan: NaN is sent as ``"null"`` (default), or is an ``"error"``.
        unknown_columns: A key that the schema lacks is an ``"error"`` (default), or left out with ``"ignore"``.
        strings: ``"strict"`` (default) takes text only where text belongs; ``"parse"`` also reads numbers and
            booleans from it, exactly, an empty text being a missing value outside String columns.
    """

    naive_datetimes: Literal["keep", "utc", "local", "error"]
    too_long: Literal["error", "truncate"]
    nan: Literal["null", "error"]
    unknown_columns: Literal["error", "ignore"]
    strings: Literal["strict", "parse"]


class CheckOptions(RowOptions, total=False):
    """How rows are judged, and when.

    Attributes:
        on_invalid: ``"raise"`` (default), or ``"skip"``: send the valid rows and report the others.
        check: ``"all"`` (default) checks a list, tuple or frame whole before the first request; ``"batch"`` checks
            request by request, as is done with one-shot sources anyway.
        max_errors: How many problems are kept in full; all of them are counted. Default 1,000.
    """

    on_invalid: Literal["raise", "skip"]
    check: Literal["all", "batch"]
    max_errors: int


class PushOptions(CheckOptions, total=False):
    """How rows are judged, and how they are sent.

    Attributes:
        on_doubt: Rows that were sent and not answered for are sent again with ``"resend"`` (default: at least once,
            `PushResult.maybe_twice` counts them), or given up with ``"raise"``: `InDoubtError` says which.
        timeout: Seconds for the whole call, waiting included; None (default) is no limit.
        progress: Called on your thread, now and then, with the result so far; None (default) is not called. What it
            raises ends the push.
    """

    on_doubt: Literal["resend", "raise"]
    timeout: float | None
    progress: Callable[[PushResult], object] | None
