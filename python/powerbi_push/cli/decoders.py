"""What makes rows of JSON: with numbers as they stand there where a float has fewer digits, and without a key twice."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from powerbi_push.calls.arguments import shown

if TYPE_CHECKING:
    from powerbi_push.cli.files import Asked

#: As many characters hold no more digits, beside the point, than each float has.
_SHORT = 16


class TwiceError(ValueError):
    """An object has a key twice, of which `json` would keep the last."""


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        msg = f"has the key {shown(next(name for name in names if names.count(name) > 1))} twice"
        raise TwiceError(msg)
    return found


def exact(text: str) -> float | Decimal:
    """A float where it is the number that stands there, and else a Decimal.

    >>> exact("2.50"), exact("123456789012345.6789")
    (2.5, Decimal('123456789012345.6789'))
    """
    number = float(text)
    if len(text) <= _SHORT and "e" not in text and "E" not in text:
        return number
    # What is infinite no column takes, however it is written.
    if (shortest := repr(number)) == text or math.isinf(number):
        return number
    precise = Decimal(text)
    return number if Decimal(shortest) == precise else precise


@dataclass(slots=True, frozen=True)
class Decoders:
    """What makes rows of JSON.

    Attributes:
        plain: Keeps the last of two keys that are the same.
        careful: Refuses those, and takes longer.
    """

    plain: json.JSONDecoder
    careful: json.JSONDecoder


_BY_FLOATS = Decoders(json.JSONDecoder(), json.JSONDecoder(object_pairs_hook=_distinct))
_EXACT = Decoders(json.JSONDecoder(parse_float=exact), json.JSONDecoder(object_pairs_hook=_distinct, parse_float=exact))


def decoders_of(asked: Asked) -> Decoders:
    """Those for a file: to make a float of each number is the faster way, where no column holds more digits."""
    judge = asked.judge
    if judge is not None and any(column.data_type in {"Int64", "Decimal"} for column in judge.schema.columns):
        return _EXACT
    return _BY_FLOATS
