"""Frames of pandas that Arrow cannot hold, or without pyarrow: numbers come out of numpy's buffers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kinds import EACH
from powerbi_push import TableSchema

INTEGERS = [0, 1, 2, 127]
MOMENTS = ["1969-12-31 23:59:59.999999999", "2024-02-29 12:34:56.123456789", None, "1677-09-22"]


@pytest.mark.parametrize(
    ("data_type", "values", "dtype"),
    [
        *[(int, INTEGERS, f"{kind}{bits}") for kind in ("int", "uint") for bits in (8, 16, 32, 64)],
        (int, [-5, 2**40, 7, -(2**62)], "int64"),
        (int, [1, 2**40, 7, -1], ">i8"),
        (float, [0.1, float("nan"), -2.5, 1e10], "float64"),
        *[(float, [0.1, float("nan"), -2.5, 100.0], dtype) for dtype in ("float16", "float32", ">f8")],
        (bool, [True, False, False, True], "bool"),
        *[(datetime, MOMENTS, f"datetime64[{unit}]") for unit in ("s", "ms", "us", "ns")],
        (datetime, MOMENTS, "datetime64[ns, America/New_York]"),
        (datetime, MOMENTS, "datetime64[s, Asia/Kolkata]"),
    ],
)
def test_what_numpy_holds_is_read_like_a_list_of_its_values(data_type: Any, values: list[Any], dtype: str) -> None:
    many = pd.to_datetime(values * 2_501, format="ISO8601") if data_type is datetime else np.array(values * 2_501)
    series = pd.Series(many)
    if "," in dtype:
        series = series.dt.tz_localize("UTC")
    # What is no text makes it a frame that Arrow cannot hold, of which every other row is read.
    beside = pd.Series([1, "a"] * 5_002, dtype=object)
    frame = pd.DataFrame({"v": series.astype(dtype), "beside": beside})[::-2]
    schema = TableSchema("t", {"v": data_type})
    listed = [{"v": None if value is pd.NaT else value} for value in frame["v"].tolist()]
    assert list(schema.payloads(frame, unknown_columns="ignore")) == list(schema.payloads(listed))


def test_pandas_needs_no_pyarrow() -> None:
    frame = {
        "i": [1, 2],
        "f": [0.5, None],
        "b": [True, False],
        "s": ["a", None],
        "m": [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC) + timedelta(microseconds=5)],
        "d": [Decimal("1.50"), None],
    }
    program = f"""
        import datetime, sys
        from decimal import Decimal
        class NoPyarrow:
            def find_spec(self, name, *_):
                if name.partition(".")[0] == "pyarrow":
                    raise ModuleNotFoundError(name)
        sys.meta_path.insert(0, NoPyarrow())
        import pandas, powerbi_push
        types = {{"i": int, "f": float, "b": bool, "s": str, "m": "datetime", "d": Decimal}}
        schema = powerbi_push.TableSchema("t", types)
        frame = pandas.DataFrame({frame!r})
        for rows in [frame, frame.convert_dtypes(), frame[::-1][::-1], frame.astype({{"s": "category"}})]:
            print(*schema.payloads(rows))
        print(*schema.payloads(frame.drop(columns="f"), nan="error"))
        print("pyarrow" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = [repr(body) for body in EACH.payloads(pd.DataFrame(frame))]
    assert done.stdout.splitlines()[:4] == expected * 4
    without = [repr(body) for body in EACH.payloads(pd.DataFrame(frame).drop(columns="f"))]
    assert done.stdout.splitlines()[4:] == [*without, "False"]
