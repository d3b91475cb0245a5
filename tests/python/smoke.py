"""The least that must work on every CPython: run with `python tests/python/smoke.py`, needs nothing but the package."""

import json
import platform
import subprocess
import sys
from datetime import datetime
from importlib.metadata import version

import powerbi_push
from powerbi_push.emulator import Emulator


def rows_arrive() -> None:
    schema = powerbi_push.DatasetSchema("Sales", [powerbi_push.TableSchema("Orders", {"Id": int, "At": datetime})])
    rows = [{"Id": number, "At": datetime(2026, 1, 2, 3, 4, 5)} for number in range(20_001)]
    with Emulator() as emulator:
        table = emulator.client().create_dataset(schema).table()
        assert table.push(rows).confirmed == len(rows)
        assert sorted(row["Id"] for row in emulator.rows(table)) == list(range(len(rows)))
        try:
            table.push([{"Id": "1"}])
        except powerbi_push.ValidationError as error:
            assert error.errors[0].code == "wrong_type"


def the_core_loads() -> None:
    assert powerbi_push.__version__ == version("powerbi-push")


def the_command_answers() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "powerbi_push", "--json", "plan", "20001"], stdout=subprocess.PIPE, check=True
    )
    assert json.loads(told.stdout)["requests"] == 3


def main() -> None:
    for claim in (the_core_loads, rows_arrive, the_command_answers):
        claim()
    print(f"smoke: powerbi_push {powerbi_push.__version__} on CPython {platform.python_version()}: fine")


if __name__ == "__main__":
    main()
