"""The options of every verb that takes rows, in one place, so that all of them take the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from powerbi_push.exceptions import PowerBIPushError
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
        check: ``"all"`` (default) checks a list, tuple or frame whole before the first request, and keeps up to 64 MB
            of the bodies made on the way: rows behind them are read a second time. ``"batch"`` checks request by
            request and sends while it reads on, as is done with one-shot sources anyway.
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
        timeout: Seconds for the whole call: waiting, signing in and finding or making the table included; None
            (default) is no limit. Code of yours that does not return, such as a generator that waits, is waited for.
        progress: Called on your thread, now and then, with the result so far; None (default) is not called. What it
            raises ends the push.
    """

    on_doubt: Literal["resend", "raise"]
    timeout: float | None
    progress: Callable[[PushResult], object] | None


class SenderOptions(RowOptions, total=False):
    """How rows are judged, and how a sender keeps and delivers them.

    Attributes:
        max_rows: Rows of one request at most; default and limit is what the destination takes, 10,000.
        max_bytes: Bytes of one request at most; None (default) is what the destination takes.
        max_delay: How long a row waits for others that fill its request, in seconds. Default 1.
        outbox: A file in which rows wait, so that they survive ``kill -9`` and power loss. It is made where it is
            missing, in a folder that is there, on a disk of this machine, and belongs to one destination and to one
            process at a time. None (default) keeps rows in memory.
        outbox_bytes: Bytes of rows kept in the outbox, rejected ones included. Default 1,000,000,000.
        buffer_bytes: Bytes of rows kept in memory, without an outbox. Default 64,000,000.
        on_full: What a row meets when there is no room for it: ``"block"`` waits (default), ``"error"`` raises,
            ``"drop_oldest"`` lets the oldest rows go, which `SenderStats.dropped` counts.
        full_timeout: How long ``"block"`` waits, in seconds. Default 30.
        on_doubt: As for a push.
        on_error: Called on a thread of this package with each refusal; without it the first is raised once by the next
            verb of the sender.
        close_timeout: How long `Sender.close` tries to deliver what is left, in seconds. Default 5.
    """

    max_rows: int
    max_bytes: int | None
    max_delay: float
    outbox: str | os.PathLike[str] | None
    outbox_bytes: int
    buffer_bytes: int
    on_full: Literal["block", "error", "drop_oldest"]
    full_timeout: float
    on_doubt: Literal["resend", "raise"]
    on_error: Callable[[PowerBIPushError], object] | None
    close_timeout: float
