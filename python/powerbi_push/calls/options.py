"""The options of every verb that takes rows, in one place, so that all of them take the same.

An option is a key of one of the classes below, which explains it, with its default in the table behind the class. The
signatures of the verbs are made of that.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

from powerbi_push.tracebacks import frameless

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from powerbi_push.delivery.progress import Progress
    from powerbi_push.exceptions import PowerBIPushError

    #: Columns that take a role: their names, or names of attributes with the columns of their ID and DESC forms.
    Roles: TypeAlias = Iterable[str] | Mapping[str, str | tuple[str, str]]

#: Rows, of any of these kinds; Rust looks at what it really is.
#:
#: - An iterable of mappings (anything with ``keys()`` and ``[]``), or of instances of dataclasses, attrs or pydantic
#:   classes, or of named tuples. Fields are columns, in their order. ``itertuples()`` needs ``index=False``.
#: - A frame: a DataFrame of pandas or polars, pyarrow's Table, RecordBatch or RecordBatchReader, a relation of duckdb,
#:   or anything else with ``__arrow_c_stream__``. Column labels must be distinct strings. Named levels of a pandas
#:   index are columns in front of the others, as ``reset_index()`` makes them; an index without a name is not pushed.
#:   pandas needs no pyarrow for this, and is faster with it.
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
        aware_datetimes: A date and time with a zone is sent in ``"utc"`` (default), or with ``"wall"`` as its own clock
            shows it, without a zone.
        decimals: More than 4 places after the point in a Decimal column are an ``"error"`` (default), or rounded with
            ``"round"``: to the nearest, halves to the even one.
        convert: Convert a value that means the column's type instead of refusing it; default False. Nothing is lost on
            the way but what a Double cannot hold. Text becomes numbers, Booleans (``true false 1 0`` in any case) and
            dates, white space around it taken off outside String; ``""`` is a missing value there, ``nan`` in columns
            of numbers. 0 and 1 become Booleans, Booleans become 0 and 1, a whole Decimal becomes an Int64. Text,
            Decimals and whole numbers become the nearest Double. Numbers, Booleans, UUIDs, dates and times become text
            as JSON or ISO 8601 writes them. Text such as ``1,000`` is still refused. Without it too, text in a DateTime
            column is a date where it is ISO 8601 (``2014-07-30``, ``2014-07-30T10:11:12.5+02:00``) or ``MM/DD/YYYY``,
            with or without `` HH:MM[:SS]`` behind it.
    """

    naive_datetimes: Literal["keep", "utc", "local", "error"]
    too_long: Literal["error", "truncate"]
    nan: Literal["null", "error"]
    unknown_columns: Literal["error", "ignore"]
    aware_datetimes: Literal["utc", "wall"]
    decimals: Literal["error", "round"]
    convert: bool


_ROWS: dict[str, Any] = {
    "naive_datetimes": "keep",
    "too_long": "error",
    "nan": "null",
    "unknown_columns": "error",
    "aware_datetimes": "utc",
    "decimals": "error",
    "convert": False,
}


class CheckOptions(RowOptions, total=False):
    """How rows are judged, and when.

    Attributes:
        on_invalid: ``"raise"`` (default), or ``"skip"``: send the valid rows and report the others.
        check: ``"all"`` (default) checks a list, tuple or frame whole before the first request, and keeps the bodies
            made on the way: up to a quarter of the memory that is free (of the system's and the control group's the
            smaller; shared by all pushes of the process), 64 MB at least. Rows behind them are read a second time.
            Off Linux it is 64 MB. ``"batch"`` checks request by request and sends while it reads on, as is done with
            one-shot sources anyway.
        max_errors: How many problems are kept in full; all of them are counted. Default 1,000.
    """

    on_invalid: Literal["raise", "skip"]
    check: Literal["all", "batch"]
    max_errors: int


_CHECKS: dict[str, Any] = {**_ROWS, "on_invalid": "raise", "check": "all", "max_errors": 1_000}


class PushOptions(CheckOptions, total=False):
    """How rows are judged, and how they are sent.

    Attributes:
        on_doubt: Rows that were sent and not answered for are sent again with ``"resend"`` (default: at least once,
            `PushResult.maybe_twice` counts them), or given up with ``"raise"``: `InDoubtError` says which.
        on_refused: A request that the service refuses ends the push with ``"raise"`` (default). With ``"isolate"`` one
            that it refuses for its rows (400, 422; on a push URL also 404, once a request got through) is halved until
            the rows at fault are found, with at most 64 requests more, resends apart; they count against the quotas.
            The rows at fault are rejected with the service's words (`RowError.code` is ``"refused"``), the others go
            on, and what is still mixed then is rejected whole. Nothing is raised for them: look at `PushResult.ok`.
        timeout: Seconds for the whole call: waiting, signing in and finding or making the table included; None
            (default) is no limit. Code of yours that does not return, such as a generator that waits, is waited for.
        progress: Who sees how far it has come. None (default): a person who watches a terminal or a notebook, once the
            push has lasted 2 seconds; a bar of tqdm where that is installed, else one line that is rewritten, with the
            rate, the time left, and what the push waits for. True always shows it on stderr, False never. A function is
            called with a `Progress`, at most twice a second and at the end, on your own thread (that of the event loop
            in verbs to await); what it raises ends the push, with `result`.
    """

    on_doubt: Literal["resend", "raise"]
    on_refused: Literal["raise", "isolate"]
    timeout: float | None
    progress: bool | Callable[[Progress], object] | None


_PUSHES: dict[str, Any] = {
    **_CHECKS,
    "on_doubt": "resend",
    "on_refused": "raise",
    "timeout": None,
    "progress": None,
}


class LoadOptions(CheckOptions, total=False):
    """How rows are judged that go to MicroStrategy, all of them or none.

    Attributes:
        timeout: Seconds for the whole call; None (default) is no limit.
        progress: Who sees how far it has come, as for a push: rows while they are read, bytes while they are sent, and
            that the service is publishing.
    """

    timeout: float | None
    progress: bool | Callable[[Progress], object] | None


_LOADS: dict[str, Any] = {**_CHECKS, "timeout": None, "progress": None}


class ModelOptions(LoadOptions, total=False):
    """How a dataset of MicroStrategy is made, and how its first rows are judged.

    Attributes:
        folder_id: The id of the folder that it is made in; default is the user's "My Reports".
        description: For people, at most 250 characters.
        attributes: Names of columns that are attributes, or a mapping of names of attributes to columns, or to pairs of
            columns: the ID and the DESC form, as in ``{"City": ("city_id", "city_name")}``. Numbers are metrics and
            everything else attributes where nothing is said.
        metrics: The same for metrics.
        workflow: ``"one"``: one request with the rows of the only table. ``"many"``: an upload session. None (default)
            is one request where there is one table of at most 5 MB of Base64.
    """

    folder_id: str | None
    description: str | None
    attributes: Roles | None
    metrics: Roles | None
    workflow: Literal["one", "many"] | None


_MODELS: dict[str, Any] = {
    "folder_id": None,
    "description": None,
    "attributes": None,
    "metrics": None,
    "workflow": None,
    **_LOADS,
}


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
        on_refused: As for a push, but ``"isolate"`` is the default; ``"raise"`` rejects the request whole.
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
    on_refused: Literal["raise", "isolate"]
    on_error: Callable[[PowerBIPushError], object] | None
    close_timeout: float


_SENDERS: dict[str, Any] = {
    **_ROWS,
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

#: The defaults of each kind of options, those that it has from others among them.
DEFAULTS: dict[type, Mapping[str, Any]] = {
    RowOptions: _ROWS,
    CheckOptions: _CHECKS,
    PushOptions: _PUSHES,
    LoadOptions: _LOADS,
    ModelOptions: _MODELS,
    SenderOptions: _SENDERS,
}


def _explain(kind: type, *others: type) -> None:
    """Add what `others` explain to the docstring of a kind that has their options too."""
    title = "Attributes:\n"
    own, *more = [inspect.cleandoc(one.__doc__ or "").partition(title) for one in (kind, *others)]
    kind.__doc__ = "".join([own[0], title, own[2], *(f"\n{text}" for *_, text in more)])


_explain(CheckOptions, RowOptions)
_explain(PushOptions, CheckOptions)
_explain(LoadOptions, CheckOptions)
_explain(ModelOptions, LoadOptions)
_explain(SenderOptions, RowOptions)

Verb = TypeVar("Verb", bound="Callable[..., object]")


def takes(kind: type) -> Callable[[Verb], Verb]:
    """Show the options of `kind` in the signature of a verb, in the place of its ``**options``."""
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_annotation(kind, name))
        for name, default in DEFAULTS[kind].items()
    ]

    def show(verb: Verb) -> Verb:
        known = inspect.signature(verb)
        own = [one for one in known.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        names = {one.name for one in own}
        signature = known.replace(parameters=[*own, *(one for one in added if one.name not in names)])
        setattr(verb, "__signature__", signature)  # noqa: B010 - functions have none for type checkers
        return verb

    return show


def _annotation(kind: type, name: str) -> object:
    written = kind.__annotations__[name]
    return getattr(written, "__forward_arg__", written)


class _Options(dict[str, Any]):
    """Options of a verb, which are not shown."""

    def __repr__(self) -> str:
        """Show their names."""
        return f"Options({', '.join(self)})"


@frameless
def given(verb: str, kind: type, options: Any) -> dict[str, Any]:
    """Take what a verb was given for its options out of its hands.

    Raises:
        TypeError: It has no such option, as Python itself says it.
    """
    known, taken = DEFAULTS[kind], _Options(options)
    # A key at a wrong place would be shown by a traceback with the verb's local variables.
    options.clear()
    for name in taken:
        if name not in known:
            from difflib import get_close_matches  # noqa: PLC0415 - a start takes no longer for the calls that are right

            nearest = ["convert=True"] if name == "strings" else get_close_matches(name, known, 1)
            advice = f". Did you mean '{nearest[0]}'?" if nearest else ""
            msg = f"{verb}() got an unexpected keyword argument '{name}'{advice}"
            raise TypeError(msg)
    return taken
