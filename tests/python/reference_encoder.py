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
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

NUMERIC = ("Int64", "Double", "Decimal")
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
# What Unicode calls white space, which is not quite what Python does.
WHITE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Options:
    """How lenient the checks are."""

    naive_datetimes: str = "keep"
    too_long: str = "error"
    nan: str = "null"
    unknown_columns: str = "error"
    aware_datetimes: str = "utc"
    decimals: str = "error"
    convert: bool = False


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
    converted = convert(data_type, value, options) if options.convert else None
    if converted is not None:
        return converted
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
    """A Double column takes int, float and Decimal between its limits; ints that a Double holds."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RefusedError("wrong_type")
    try:
        outside = abs(float(value)) >= MAX_DOUBLE
    except OverflowError:
        outside = True
    if outside or (isinstance(value, int) and int(float(value)) != value):
        raise RefusedError("out_of_range")
    if isinstance(value, float):
        return shortest(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def decimal(value: object, options: Options) -> str:
    """A Decimal column takes what has at most 28 digits, 4 of them after the point."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RefusedError("wrong_type")
    if isinstance(value, int):
        return plain(str(value)) if abs(value) < 10**DECIMAL_DIGITS else out_of_range()
    exact = value if isinstance(value, Decimal) else Decimal(shortest(value))
    if exact and exact.adjusted() > DECIMAL_DIGITS:
        return out_of_range()
    if options.decimals == "round" and int(exact.as_tuple().exponent) < -DECIMAL_PLACES:
        exact = exact.quantize(Decimal("0.0001"), ROUND_HALF_EVEN, Context(prec=1_000))
    return plain(f"{exact:f}")


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
    elif options.aware_datetimes == "wall":
        value = value.replace(tzinfo=None)
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


def convert(data_type: str, value: object, options: Options) -> str | None:  # noqa: PLR0911 - a table
    """The JSON of what a value means in a column of another type; None where it is judged as it is."""
    if data_type == "String":
        return as_text(value, options)
    if isinstance(value, str):
        return meant(data_type, str.__str__(value).strip(WHITE), options)
    if isinstance(value, bool) and data_type in NUMERIC:
        return str(int(value))
    if data_type == "Boolean" and isinstance(value, int | float | Decimal) and value in {0, 1}:
        return "true" if value else "false"
    if data_type == "Int64" and isinstance(value, Decimal):
        whole = Fraction(value)
        return within_int64(int(whole)) if whole.denominator == 1 else wrong_type()
    if data_type == "Double" and isinstance(value, int | Decimal):
        return nearest(value, options)
    return None


def nearest(value: int | Decimal, options: Options) -> str | None:
    """The nearest Double, where that is another number than the one that is written."""
    try:
        near = float(value)
    except OverflowError:
        return out_of_range()
    if value == Decimal(near) or (isinstance(value, Decimal) and value == Decimal(repr(near))):
        return None
    return double(near, options)


def as_text(value: object, options: Options) -> str | None:
    """A value that is no text as JSON or ISO 8601 writes it."""
    if isinstance(value, bool):
        return '"true"' if value else '"false"'
    if isinstance(value, int):
        return f'"{value:d}"'
    if isinstance(value, float):
        return f'"{shortest(value)}"'
    if isinstance(value, Decimal):
        return f'"{value:f}"' if len(f"{value:f}") <= MAX_TEXT else out_of_range()
    if isinstance(value, datetime):
        return f'"{datetime_text(value, options)}"'
    return f'"{value.isoformat()}"' if isinstance(value, date | time) else None


def meant(data_type: str, text: str, options: Options) -> str:  # noqa: PLR0911 - a table
    """Text in a column that is not for text, without the white space around it: nothing for the empty one."""
    if not text:
        return "null"
    if data_type == "DateTime":
        return moment(text, options)
    if data_type == "Boolean":
        found = {"true": "true", "1": "true", "false": "false", "0": "false"}.get(
            text.lower() if text.isascii() else ""
        )
        return found or wrong_type()
    if text.lower() == "nan":
        return encode(data_type, math.nan, options)
    if not NUMBER.fullmatch(text):
        return wrong_type()
    exact = Decimal(text)
    if data_type == "Double":
        return double(float(exact), options)
    if data_type == "Decimal":
        return decimal(exact, options)
    whole = Fraction(exact)
    return within_int64(int(whole)) if whole.denominator == 1 else wrong_type()


def wrong_type() -> str:
    """Refuse."""
    raise RefusedError("wrong_type")
