"""The scripts under `examples/`, each run as its page says, and again with what it asked of the service counted."""

from __future__ import annotations

import runpy
import subprocess
import sys
import webbrowser
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from person import Person

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

EXAMPLES = Path(__file__).parents[3] / "examples"


def example(name: str) -> dict[str, Any]:
    """The names of a script that is not run."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def operations(emulator: Emulator) -> Counter[str | None]:
    """What was asked, and how often."""
    assert [request.refusal for request in emulator.requests if request.refusal] == []
    return Counter(request.operation for request in emulator.requests)


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem != "flights"))
def test_each_runs_on_its_own(name: str) -> None:
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.powerbi(clock="virtual")  # how long it took is said
def test_the_walkthrough_says_what_its_original_says(powerbi: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    script = example("walkthrough")
    for _ in range(2):  # walked twice, the dataset is there already
        script["main"](powerbi.client())
    first, second = capsys.readouterr().out.split("Dataset Created\n")[1:]
    assert first == second
    assert first.startswith("Dataset ID: ")
    assert first.endswith("\nRows Added\n3 rows read: 3 confirmed; 1 request in 0.0 s\n")
    rows = powerbi.rows("SalesMarketing/Product")
    assert [tuple(row.values())[:4] for row in rows[:3]] == [
        (1, "Adjustable Race", "Components", True),
        (2, "LL Crankarm", "Components", True),
        (3, "HL Mountain Frame - Silver", "Bikes", True),
    ]
    assert {row["ManufacturedOn"].isoformat() for row in rows} == {"2014-07-30T00:00:00"}
    asked = operations(powerbi)
    assert (asked["Datasets_PostDataset"], asked["Datasets_PostRows"]) == (1, 2)
    (created,) = [request for request in powerbi.requests if request.operation == "Datasets_PostDataset"]
    assert created.path == "/v1.0/myorg/datasets"
    types = [column["dataType"] for column in created.json()["tables"][0]["columns"]]
    assert types == ["Int64", "string", "string", "bool", "DateTime"]


def test_the_walkthrough_signs_a_person_in(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    script, person = example("walkthrough"), Person(powerbi)
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(person.sign_in(url)))
    credential = script["get_token"](powerbi.client_id, authority=powerbi.authority)
    script["main"](pbi.Client(credential, base_url=powerbi.url))
    assert len(powerbi.rows("SalesMarketing/Product")) == 3


def test_the_sample_pushes_into_each_group(powerbi: Emulator) -> None:
    script, place = example("push_into_a_group"), powerbi.add_workspace("Marketing")
    for _ in range(2):
        script["main"](powerbi.client())
    asked = operations(powerbi)
    assert (asked["Datasets_PostDataset"], asked["Datasets_PostRows"]) == (1, 2)
    assert (asked["Datasets_PostDatasetInGroup"], asked["Datasets_PostRowsInGroup"]) == (1, 2)
    for target in [(None, "SalesMarketing", "Product"), (place, "SalesMarketing", "Product")]:
        assert [row["ProductID"] for row in powerbi.rows(target)] == [1, 2, 1, 2]


def test_the_tour_does_each_operation_in_my_workspace_and_in_a_group(powerbi: Emulator) -> None:
    powerbi.add_workspace("Marketing")
    example("rest_tour")["main"](powerbi.client())
    asked = operations(powerbi)
    assert asked["Groups_GetGroups"] >= 1
    for operation in ("PostDataset", "GetDatasets", "GetTables", "PutTable", "DeleteRows", "DeleteDataset"):
        assert asked[f"Datasets_{operation}"] >= 1, operation
        assert asked[f"Datasets_{operation}"] == asked[f"Datasets_{operation}InGroup"], operation
    assert (asked["Datasets_PostRows"], asked["Datasets_PostRowsInGroup"]) == (2, 2)
