"""The programs of the documents that need a cluster's library print what they say, and their rows arrive."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from doc_blocks import files
from powerbi_push import DatasetSchema

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator

SPARK, OTHERS = files("docs/spark.md"), files("docs/dask-ray.md")
TOOK = re.compile(r"\d+\.\d s")


def told(program: str) -> list[str]:
    """What a program says that it prints."""
    return re.findall(r"print\(.*# (.*)$", program, re.MULTILINE)


def run(program: str) -> None:
    """Run a program of the documents, in this process: it finds the session that is there."""
    exec(compile(program, "docs/spark.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own


@pytest.fixture
def tables(powerbi: Emulator, tmp_path: Path) -> Emulator:
    """The tables and the files that the documents speak of."""
    powerbi.client().create_dataset(DatasetSchema("Live", {"Readings": {"Id": int, "RowId": str}}))
    (tmp_path / "readings").mkdir()
    (tmp_path / "readings/1.json").write_text('{"Id": 7}\n{"Id": 8}\n')
    return powerbi


def test_the_recipe_from_the_driver(spark: Any, tables: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert spark.version
    run(SPARK["from_the_driver.py"])
    assert TOOK.sub("", capsys.readouterr().out).splitlines() == [TOOK.sub("", told(SPARK["from_the_driver.py"])[0])]
    assert [row["Item"] for row in tables.rows("Sales/Orders")] == ["tea", "milk"]


def test_the_recipe_as_a_format(spark: Any, tables: Emulator) -> None:
    assert spark.version
    # The emulator's sign-in takes the place of that in the environment.
    run(SPARK["as_a_format.py"].replace('.option("credential", "environment")', ""))
    assert [row["Item"] for row in tables.rows("Sales/Orders")] == ["tea", "milk"]


def test_the_recipes_of_streams(
    spark: Any, tables: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spark.version
    run(SPARK["as_a_stream.py"].replace("/data", str(tmp_path)))
    assert sorted(row["RowId"].partition("/")[2] for row in tables.rows("Live/Readings")) == ["0/0/0", "0/0/1"]
    assert '"confirmed": 2' in (tmp_path / "results.ndjson").read_text()
    run(SPARK["for_each_batch.py"].replace("/data", str(tmp_path)))
    assert capsys.readouterr().out.splitlines() == ["0 2"]
    assert sorted(row["Id"] for row in tables.rows("Live/Readings")) == [7, 7, 8, 8]


@pytest.mark.parametrize("name", ["from_dask.py", "from_ray.py"])
def test_the_recipes_of_others(name: str, powerbi: Emulator) -> None:
    pytest.importorskip({"from_dask.py": "dask.dataframe", "from_ray.py": "ray"}[name])
    ran = subprocess.run([sys.executable, "-c", OTHERS[name]], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1:] == told(OTHERS[name])
    assert sorted(row["Id"] for row in powerbi.rows("Sales/Orders")) == list(range(10))
