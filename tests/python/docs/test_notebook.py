"""How things show themselves in a notebook: what matters, with units, nothing that is zero, everything escaped."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import powerbi_push.pandas
import powerbi_push.polars  # noqa: F401 - it gives frames what is tested
from powerbi_push import DatasetSchema, Plan, PushResult, RowError, SenderStats, TableSchema, TransportError
from powerbi_push.emulator import Emulator

SCHEMA = TableSchema("Orders", {"Id": int, "Item": str})
BAD = "style='background:#c0392b33;text-align:left'"
LEFT = "style='text-align:left'"


def text(page: str) -> list[str]:
    """What a reader sees, cell by cell."""
    return [cell for cell in re.split(r"<[^>]*>", page) if cell]


def test_a_result_shows_what_is_not_zero() -> None:
    result = PushResult(
        read=1_234,
        confirmed=1_000,
        unsent=234,
        requests=2,
        ranges=[(0, 1_000, "confirmed"), (1_000, 1_234, "unsent")],
        resume_from=1_000,
        elapsed_seconds=75.0,
        waited_seconds=60.4,
    )
    assert text(result._repr_html_()) == [
        "1,234 rows read: 1,000 confirmed, 234 unsent; 2 requests in 75.0 s",
        *("read", "1,234", "confirmed", "1,000", "unsent", "234", "resume from row", "1,000", "requests", "2"),
        *("length", "1 min 15 s", "spent waiting", "1 min"),
        *("from row", "to row", "are", "0", "999", "confirmed", "1,000", "1,233", "unsent"),
    ]


def test_a_result_shows_rejected_rows_with_their_reasons() -> None:
    error = RowError(3, "Id", "wrong_type", "column `Id` takes <Int64>", "str", "<b>")
    shown = PushResult(read=4, confirmed=3, rejected=1, errors=(error,), error_count=12)._repr_html_()
    assert f"<td {BAD}>&#x27;&lt;b&gt;&#x27;</td><td {LEFT}>column `Id` takes &lt;Int64&gt;</td>" in shown
    assert text(shown)[-1] == "and 11 more"


def test_a_plan_has_units() -> None:
    plan = Plan(requests=250, eta=7_260.0, bound_by="1,000,000 rows an hour", assumes=("the table is empty",))
    assert text(plan._repr_html_()) == [
        *("plan of a push", "requests", "250", "at least", "2 h 1 min", "held back by", "1,000,000 rows an hour"),
        *("assumed", "the table is empty"),
    ]


def test_a_report_marks_the_cells_at_fault() -> None:
    shown = SCHEMA.validate([{"Id": 1, "Item": "tea"}, {"Id": "x" * 200, "Item": "milk"}])._repr_html_()
    assert shown.count(BAD) == 1
    cells = text(shown)
    assert cells[2:8] == ["row", "column", "value", "what is wrong", "1", "Id"]
    assert cells[8] == "&#x27;" + "x" * 78 + "…"
    assert SCHEMA.validate([{"Id": 1}])._repr_html_() == "<div><p>1 row checked: no problems</p></div>"


def test_the_state_of_a_sender_says_what_holds_rows_back() -> None:
    counts: dict[str, Any] = {"accepted": 5, "confirmed": 0, "rejected": 0, "in_doubt": 0, "maybe_twice": 0}
    counts |= {"dropped": 0, "pending": 5, "oldest_age": 3.21, "next_attempt_in": None}
    stats = SenderStats(**counts, state="waiting", last_error=TransportError("nobody listens"))
    assert text(stats._repr_html_()) == [
        *("sender, waiting", "accepted", "5", "pending", "5", "oldest row has waited", "3.2 s"),
        *("last error", "nobody listens"),
    ]


def test_a_dataset_and_a_table_show_what_is_known_and_ask_nothing() -> None:
    with Emulator() as emulator:
        made = emulator.client().create_dataset(DatasetSchema("<Sales>", [SCHEMA]))
        (found,) = emulator.client().datasets()
        asked = len(emulator.requests)
        assert text(made._repr_html_()) == [
            *("dataset &lt;Sales&gt;", "id", made.id, "takes rows", "yes"),
            *("Orders", "column", "data type", "Id", "Int64", "Item", "String"),
        ]
        assert text(found._repr_html_())[-1] == "open in Power BI"
        assert f"<a href='{found.web_url}' target='_blank' rel='noopener'>" in found._repr_html_()
        assert text(made.table()._repr_html_())[:3] == ["table Orders", "dataset", "&lt;Sales&gt;"]
        assert text(found.table("Orders")._repr_html_())[-1] == found.id
        assert len(emulator.requests) == asked


def test_what_is_no_address_of_a_page_becomes_no_link() -> None:
    with Emulator() as emulator:
        emulator.client().create_dataset(DatasetSchema("Sales", [SCHEMA]))
        (found,) = emulator.client().datasets()
    found.web_url = "javascript:alert(1)"
    assert "javascript" not in found._repr_html_()


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_frames_have_the_verbs(frames: Any) -> None:
    frame = frames.DataFrame({"Id": [1, 2], "Item": ["tea", "milk"]})
    assert frame.powerbi.schema("Orders") == SCHEMA
    assert frame.powerbi.validate().ok
    assert frame.powerbi.validate({"Id": int, "Item": int}).error_count == 2
    assert frame.powerbi.validate(SCHEMA).row_count == 2
    assert frame.powerbi.plan(rows_in_table=10).requests == 1
    with Emulator() as emulator:
        place = {"credential": emulator.credential, "base_url": emulator.url}
        assert frame.powerbi.push("Sales/Orders", create=True, **place).confirmed == 2
        assert emulator.rows("Sales/Orders") == [{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "milk"}]


def test_frames_have_the_verbs_only_where_they_are_asked_for() -> None:
    program = "import powerbi_push, pandas; powerbi_push.push; print(hasattr(pandas.DataFrame, 'powerbi'))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True)
    assert ran.stdout == "False\n"


def test_the_notebook_among_the_examples_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((Path(__file__).parents[3] / "examples" / "notebook.ipynb").read_text())
    namespace: dict[str, Any] = {}
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            shown.append(shown_by("".join(cell["source"]), namespace))
    kinds = [type(one).__name__ for one in shown if one is not None]
    assert kinds[:7] == ["TableSchema", "Plan", "ValidationReport", "PushResult", "Dataset", "Table", "PushResult"]
    assert kinds[7:] == ["SenderStats"]
    assert [one.confirmed for one in shown if isinstance(one, PushResult)] == [100_000, 2]
    assert all(one._repr_html_() for one in shown if one is not None)


def shown_by(source: str, namespace: dict[str, Any]) -> Any:
    """Run a cell as a notebook does: its last expression is what it shows."""
    tree = ast.parse(source)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "cell", "exec"), namespace)  # noqa: S102 - our own
        return None
    del tree.body[-1]
    exec(compile(tree, "cell", "exec"), namespace)  # noqa: S102 - our own
    return eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)  # noqa: S307 - the same
