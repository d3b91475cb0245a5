"""Arrow arrays and streams that are not what they say: made of buffers, and by hand in C's own terms."""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 100
"""Rows of every array here."""


def numbers(code: str, values: list[int]) -> pa.Buffer:
    """Numbers as a buffer."""
    return pa.py_buffer(struct.pack(f"<{len(values)}{code}", *values))


def of_buffers(data_type: pa.DataType, *buffers: pa.Buffer | None, children: Any = None) -> pa.Array:
    """Make an array that nobody has looked at."""
    return pa.Array.from_buffers(data_type, ROWS, [None, *buffers], children=children)


def coded(*codes: int, values: pa.Array | None = None, index: pa.DataType | None = None) -> pa.Array:
    """Make a dictionary's array that ends with these codes."""
    keys = pa.array([0] * (ROWS - len(codes)) + list(codes), index or pa.int32())
    return pa.DictionaryArray.from_arrays(keys, pa.array(["tea"]) if values is None else values, safe=False)


def views(length: int, buffer: int, offset: int) -> pa.Array:
    """Make an array of views into a buffer of 100 bytes, of which the last one points here."""
    view = struct.pack("<i4sii", 20, b"xxxx", 0, 0)
    last = struct.pack("<i4sii", length, b"xxxx", buffer, offset)
    return of_buffers(pa.string_view(), pa.py_buffer(view * (ROWS - 1) + last), pa.py_buffer(b"x" * 100))


def run_ends(*ends: int) -> pa.Array:
    """Make an array of runs that end here."""
    held = pa.array(["tea"] * len(ends))
    kind = pa.run_end_encoded(pa.int32(), pa.string())
    return pa.Array.from_buffers(kind, ROWS, [None], children=[pa.array(ends, pa.int32()), held])


def offsets(*last: int) -> list[int]:
    """Offsets of texts, of which the last ones are these."""
    return [*range(ROWS + 1 - len(last)), *last]


#: Columns of text that are not what they say.
COLUMNS: dict[str, Callable[[], pa.Array]] = {
    "a code that the dictionary does not have": lambda: coded(1),
    "a code below zero": lambda: coded(-1),
    "a small code below zero": lambda: coded(-128, index=pa.int8()),
    "a code beyond all": lambda: coded(2**63, index=pa.uint64()),
    "a code into an empty dictionary": lambda: coded(0, values=pa.array([], pa.string())),
    "a dictionary of a dictionary": lambda: coded(0, values=coded(7)),
    "a dictionary whose values overlap": lambda: coded(
        0, values=of_buffers(pa.string(), numbers("i", offsets(2**30, 100)), pa.py_buffer(b"x" * 200))
    ),
    "offsets that go down": lambda: of_buffers(
        pa.string(), numbers("i", offsets(2**30, 100)), pa.py_buffer(b"x" * 200)
    ),
    "an offset below zero": lambda: of_buffers(pa.string(), numbers("i", offsets(-5, 100)), pa.py_buffer(b"x" * 200)),
    "large offsets that go down": lambda: of_buffers(
        pa.large_string(), numbers("q", offsets(2**40, 100)), pa.py_buffer(b"x" * 200)
    ),
    "a view of no buffer": lambda: views(20, 3, 0),
    "a view behind its buffer": lambda: views(20, 0, 2**30),
    "a view below zero": lambda: views(20, 0, -8),
    "a view of a length below zero": lambda: views(-1, 0, 0),
    "runs that go back": lambda: run_ends(50, 20, ROWS),
    "a run that ends before it begins": lambda: run_ends(-50, 20, ROWS),
}


class Array(ctypes.Structure):
    """C's `ArrowArray`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
        *((name, ctypes.c_void_p) for name in ("buffers", "children", "dictionary", "release", "private_data")),
    )


GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Array))


class Stream(ctypes.Structure):
    """C's `ArrowArrayStream`."""

    _fields_ = tuple(
        (name, ctypes.c_void_p) for name in ("get_schema", "get_next", "get_last_error", "release", "private_data")
    )


class Forged:
    """A table whose stream changes the array after `good` ones before it hands it over."""

    def __init__(self, table: pa.Table, good: int, forge: Callable[[Any], None]) -> None:
        """Forge by `forge`."""
        self._table, self._good, self._forge = table, good, forge

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Answer the stream, whose second half is Python."""
        stream = Stream()
        self._table.to_reader(max_chunksize=10_000)._export_to_c(ctypes.addressof(stream))  # noqa: SLF001 - nothing else does it
        real, left = GET_NEXT(stream.get_next), self._good

        def get_next(this: int, out: Any) -> int:
            nonlocal left
            code = int(real(this, out))
            left -= 1
            if left < 0 and out.contents.release:
                self._forge(out.contents)
            return code

        self._kept = (stream, GET_NEXT(get_next))
        stream.get_next = ctypes.cast(self._kept[1], ctypes.c_void_p).value
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        return new(ctypes.addressof(stream), b"arrow_array_stream", None)


def longer(array: Array) -> None:
    """Claim more rows than the children have."""
    array.length += 1


def below_zero(array: Array) -> None:
    """Claim fewer rows than none."""
    array.length = -1


def far_away(array: Array) -> None:
    """Claim to begin behind all memory."""
    array.offset = 2**62


def child(array: Array, number: int) -> Array:
    """Answer one of its children."""
    children = ctypes.cast(array.children, ctypes.POINTER(ctypes.POINTER(Array)))
    found: Array = children[number].contents
    return found


def negative_child(array: Array) -> None:
    """Have a column that claims fewer rows than none."""
    child(array, 0).length = -1


def childless(array: Array) -> None:
    """Claim to have no columns."""
    array.n_children = 0


def without_buffers(array: Array) -> None:
    """Have a column without buffers."""
    child(array, 0).buffers = None


def fewer_buffers(array: Array) -> None:
    """Have a column with fewer buffers than none."""
    child(array, 0).n_buffers = -1


def fewer_runs(array: Array) -> None:
    """Have runs that end before the rows do."""
    child(child(array, 1), 0).length = 1


def fewer_values(array: Array) -> None:
    """Have runs without values."""
    child(child(array, 1), 1).length = 1


def without_runs(array: Array) -> None:
    """Have no runs at all."""
    child(child(array, 1), 0).length = 0


def emptied_dictionary(array: Array) -> None:
    """Have codes of a dictionary that holds nothing."""
    dictionary = ctypes.cast(child(array, 2).dictionary, ctypes.POINTER(Array))
    dictionary.contents.length = 0


#: What is said of each.
IMPOSSIBLE, NOT_COVERED = "claims a length that cannot be", "has runs that do not cover its rows"
FORGERIES: dict[Callable[[Array], None], str] = {
    longer: "",
    below_zero: IMPOSSIBLE,
    far_away: IMPOSSIBLE,
    negative_child: IMPOSSIBLE,
    childless: "",
    without_buffers: "",
    fewer_buffers: IMPOSSIBLE,
    fewer_runs: NOT_COVERED,
    fewer_values: NOT_COVERED,
    without_runs: NOT_COVERED,
    emptied_dictionary: "has codes that its dictionary does not know",
}


def table_to_forge() -> pa.Table:
    """Make three batches of 10,000 rows, of which each column can be made to lie."""
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([10_000, 20_000, 30_000], pa.int32()), pa.array(["a", "b", "c"]))
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2] * 10_000, pa.int8()), pa.array(["a", "b", "c"]))
    return pa.table({"Id": range(30_000), "Item": runs, "Word": words})
