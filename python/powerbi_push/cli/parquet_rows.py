"""Parquet as rows, by pyarrow or polars where one of them is installed."""

from __future__ import annotations

import tempfile
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.readings import Broken, Chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.cli.files import Opened
    from powerbi_push.cli.judge import Judge

#: Rows of one batch.
_ROWS = 10_000


def parquet_chunks(opened: Opened, _on_broken: Callable[[Broken], None]) -> Iterator[Chunk]:
    """Read batches; rows count from 1, since Parquet has no lines."""
    if not opened.head.startswith(b"PAR1"):
        msg = "is not Parquet"
        raise BrokenFileError(msg, hint="say what it holds with --format")
    first = 1
    read = _with_pyarrow if find_spec("pyarrow") else _with_polars if find_spec("polars") else None
    if read is None:
        msg = "reading Parquet takes pyarrow or polars, and neither is installed"
        raise BrokenFileError(msg, hint="pip install pyarrow")
    for batch in read(_seekable(opened), opened.asked.judge):
        yield Chunk(range(first, first + len(batch)), batch)
        first += len(batch)


def _seekable(opened: Opened) -> Any:
    """Parquet is read from its end: what comes on a pipe, or packed, is laid down first."""
    if not opened.asked.is_stdin and not opened.is_packed:
        return opened.asked.path
    laid = tempfile.TemporaryFile()  # noqa: SIM115 - it goes with its last user
    while piece := opened.bytes.read(1 << 20):
        laid.write(piece)
    laid.seek(0)
    return laid


def _with_pyarrow(file: Any, judge: Judge | None) -> Iterator[Any]:
    arrow: Any = import_module("pyarrow")
    try:
        found = import_module("pyarrow.parquet").ParquetFile(file)
        if judge is not None:
            judge.check_names(found.schema_arrow.names)
        yield from found.iter_batches(_ROWS)
    except arrow.ArrowException as error:
        raise _damaged(error) from None
    except OSError as error:
        raise _damaged(error) from None


def _with_polars(file: Any, judge: Judge | None) -> Iterator[Any]:
    polars: Any = import_module("polars")
    try:
        found = polars.scan_parquet(file)
        if judge is not None:
            judge.check_names(found.collect_schema().names())
        yield from found.collect_batches(chunk_size=_ROWS, maintain_order=True)
    except polars.exceptions.PolarsError as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> BrokenFileError:
    return BrokenFileError(f"the Parquet file is damaged: {str(error).splitlines()[0]}")


def batches(first: Any, frames: Iterator[Any]) -> Any:
    """Make one reader of Arrow of batches, which are like the first."""
    if hasattr(first, "to_arrow"):
        return _rows_of_polars(frames)
    return import_module("pyarrow").RecordBatchReader.from_batches(first.schema, frames)


def _rows_of_polars(frames: Iterator[Any]) -> Iterator[dict[str, Any]]:
    for frame in frames:
        yield from frame.iter_rows(named=True)
