"""A second encoder in plain Python, written from the interface's text alone, to hold the real one against.

It says what becomes of every value in every type of column, slowly and plainly. It shares no code with the package.
"""

from __future__ import annotations

import enum
import json
import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction

MAX_TEXT = 4_000
MAX_INT64 = 2**63 - 1
MAX_DOUBLE = 1.7976931348623157e308
DECIMAL_DIGITS = 28
DECIMAL_PLACES = 4
# The notation of doubles is a choice: plain for 1e-5 up to 1e16, as digits and exponent beyond.
PLAIN_FROM = -5
PLAIN_TO = 16

AMERICAN = re.compile(r"(\d\d)/(\d\d)/(\d{4})(?: (\d\d):(\d\d)(?::(\d\d))?)?", re.ASCII)
ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII
)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Options:
    """How lenient the checks are."""

    naive_datetimes: str = "keep"
    too_long: str = "error"
    nan: str = "null"
    unknown_columns: str = "error"
    strings: str = "strict"


class RefusedError(Exception):
    """The value does not fit; `code` says why."""

    def __init__(self, code: str) -> None:
        """Take the code."""
        super().__init__(code)
        self.code = code


def encode_row(columns: Mapping[str, str], row: object, options: Options) -> bytes | list[tuple[str | None, str]]:
    """The row's JSON, or its problems as column and code."""
    if not isinstance(row, Mapping):
        return [(None, "not_a_mapping")]
    cells: list[str] = []
    problems: list[tuple[str | None, str]] = []
    for name, value in row.items():
        if not isinstance(name, str):
            problems.append((None, "unknown_column"))
        elif name not in columns:
            if options.unknown_columns == "error":
                problems.append((name, "unknown_column"))
        else:
            try:
                cells.append(f"{quoted(name)}:{encode(columns[name], value, options)}")
            except RefusedError as refused:
                problems.append((name, refused.code))
    return problems or ("{" + ",".join(cells) + "}").encode()


def encode(data_type: str, value: object, options: Options) -> str:
    """The JSON of a value in a column of that type."""
    while isinstance(value, enum.Enum):
        value = value.value
    if value is None:
        return "null"
    if is_nan(value):
        if options.nan == "error":
            raise RefusedError("not_finite")
        return "null"
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise RefusedError("not_finite")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise RefusedError("not_utf8")
    if isinstance(value, str) and options.strings == "parse" and data_type != "String":
        return parsed(data_type, value, options)
    encoders = {
        "Boolean": boolean,
        "Int64": int64,
        "Double": double,
        "Decimal": decimal,
        "String": string,
        "DateTime": moment,
    }
    return encoders[data_type](value, options)


def is_nan(value: object) -> bool:
    """Whether it is a NaN of some kind."""
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, float) and math.isnan(value)


def boolean(value: object, _options: Options) -> str:
    """A Boolean column takes bool."""
    if isinstance(value, bool):
        return "true" if value else "false"
    raise RefusedError("wrong_type")


def int64(value: object, _options: Options) -> str:
    """An Int64 column takes whole numbers between its limits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError("wrong_type")
    if value != int(value):
        raise RefusedError("wrong_type")
    return within_int64(int(value))


def within_int64(value: int) -> str:
    """Both limits are excluded."""
    if not -MAX_INT64 - 1 < value < MAX_INT64:
        raise RefusedError("out_of_range")
    return str(value)


def double(value: object, _options: Options) -> str:
    """A Double column takes int, float and Decimal between its limits."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RefusedError("wrong_type")
    try:
        outside = abs(float(value)) >= MAX_DOUBLE
    except OverflowError:
        outside = True
    if outside:
        raise RefusedError("out_of_range")
    if isinstance(value, float):
        return shortest(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def decimal(value: object, _options: Options) -> str:
    """A Decimal column takes what has at most 28 digits, 4 of them after the point."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RefusedError("wrong_type")
    if isinstance(value, int):
        return plain(str(value)) if abs(value) < 10**DECIMAL_DIGITS else out_of_range()
    exponent = value.adjusted() if isinstance(value, Decimal) else Decimal(repr(value)).adjusted()
    if value and abs(exponent) > DECIMAL_DIGITS:
        return out_of_range()
    return plain(f"{value if isinstance(value, Decimal) else Decimal(shortest(value)):f}")


def out_of_range() -> str:
    """Refuse."""
    raise RefusedError("out_of_range")


def plain(text: str) -> str:
    """Plain notation without digits that say nothing before the point and behind the fourth place."""
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = text.partition(".")
    whole, kept, cut = whole.lstrip("0"), fraction[:DECIMAL_PLACES], fraction[DECIMAL_PLACES:]
    if cut.strip("0") or len(whole) + len(kept) > DECIMAL_DIGITS:
        raise RefusedError("out_of_range")
    return sign + (whole or "0") + (f".{kept}" if kept else "")


def shortest(value: float) -> str:
    """The fewest digits that read back as the same float."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    if not value:
        return "-0.0" if sign else "0.0"
    text = "".join(map(str, digits))
    stripped = text.rstrip("0")
    point = len(text) + int(exponent)
    minus = "-" if sign else ""
    if not PLAIN_FROM < point <= PLAIN_TO:
        fraction = f".{stripped[1:]}" if stripped[1:] else ""
        return f"{minus}{stripped[0]}{fraction}e{point - 1:+d}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{stripped}"
    padded = stripped.ljust(point, "0")
    return f"{minus}{padded[:point]}.{padded[point:] or '0'}"


def string(value: object, options: Options) -> str:
    """A String column takes str and UUID, up to 4,000 UTF-16 units."""
    if isinstance(value, uuid.UUID):
        value = str(value)
    if not isinstance(value, str):
        raise RefusedError("wrong_type")
    text = str.__str__(value)
    if utf16(text) <= MAX_TEXT:
        return quoted(text)
    if options.too_long == "error":
        raise RefusedError("too_long")
    while utf16(text) > MAX_TEXT:
        text = text[:-1]
    return quoted(text)


def utf16(text: str) -> int:
    """Its length as .NET counts."""
    return len(text.encode("utf-16-le")) // 2


def quoted(text: str) -> str:
    """A JSON string in which only what must be escaped is escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\\b", "\\u0008").replace("\\f", "\\u000c")


def moment(value: object, options: Options) -> str:
    """A DateTime column takes datetime, date, and text that is one."""
    if isinstance(value, str):
        value = read_moment(value)
    if isinstance(value, datetime):
        return f'"{datetime_text(value, options)}"'
    if isinstance(value, date):
        return f'"{value.isoformat()}T00:00:00"'
    raise RefusedError("wrong_type")


def datetime_text(value: datetime, options: Options) -> str:
    """One form for all: UTC where there is a zone."""
    if value.utcoffset() is None and options.naive_datetimes == "error":
        raise RefusedError("bad_datetime")
    if value.utcoffset() is None and options.naive_datetimes == "utc":
        value = value.replace(tzinfo=UTC)
    zone = ""
    if value.utcoffset() is not None:
        try:
            value = value.astimezone(UTC)
        except OverflowError:
            raise RefusedError("out_of_range") from None
        zone = "Z"
    micro = value.microsecond
    fraction = "" if not micro else f".{micro // 1000:03}" if micro % 1000 == 0 else f".{micro:06}"
    return value.replace(microsecond=0, tzinfo=None).isoformat() + fraction + zone


def read_moment(text: str) -> date:
    """The date or datetime that the text is."""
    try:
        if american := AMERICAN.fullmatch(text):
            numbers = [int(part or 0) for part in american.groups()]
            day = date(numbers[2], numbers[0], numbers[1])
            return datetime.combine(day, time(numbers[3], numbers[4], numbers[5])) if american[4] else day
        if iso := ISO.fullmatch(text):
            if iso[4] is None:
                return date(int(iso[1]), int(iso[2]), int(iso[3]))
            micro = (iso[7] or "").ljust(6, "0")[:6]
            return datetime.fromisoformat(f"{text[:10]}T{iso[4]}:{iso[5]}:{iso[6] or '00'}.{micro}{iso[8] or ''}")
    except ValueError:
        pass
    raise RefusedError("bad_datetime")


def parsed(data_type: str, text: str, options: Options) -> str:
    """Text in a column that is not for text: read exactly, nothing for the empty one."""
    if not text:
        return "null"
    if data_type == "DateTime":
        return moment(text, options)
    if data_type == "Boolean":
        if text.lower() in {"true", "false"} and text.isascii():
            return text.lower()
        raise RefusedError("wrong_type")
    if not NUMBER.fullmatch(text):
        raise RefusedError("wrong_type")
    exact = Decimal(text)
    if data_type == "Double":
        return double(float(exact), options)
    if data_type == "Decimal":
        return decimal(exact, options)
    whole = Fraction(exact)
    if whole.denominator != 1:
        raise RefusedError("wrong_type")
    return within_int64(int(whole))
