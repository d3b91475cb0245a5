"""What is made by hand on the page works as its API Info says: every snippet is run, and the published example too."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

import powerbi_push as pbi

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator

#: How a well-known blog of 2020 pushes rows: its code, but for the address.
EXAMPLE = """
from datetime import datetime
import requests
import json

# copy "Push URL" from "API Info" in Power BI
url = "https://api.powerbi.com/beta/ABC-XYZ"

# timestamps should be formatted like this
now = datetime.strftime(
  datetime.now(),
  "%Y-%m-%dT%H:%M:%S"
  )

# data dict must be contained in a list
data = [
  {
    "string_value": "ABC XYZ",
    "number_value": 12345,
    "datetime_value": now
    }
  ]

# post/push data to the streaming API
headers = {
  "Content-Type": "application/json"
  }
response = requests.request(
    method="POST",
    url=url,
    headers=headers,
    data=json.dumps(data)
)
"""
FIELDS = {"string_value": "Text", "number_value": "Number", "datetime_value": "DateTime"}
#: What runs the snippets of a language.
SHELLS = {"curl": "curl", "PowerShell": "pwsh"}


class ByHand:
    """The page's orders, as its script gives them."""

    def __init__(self, powerbi: Emulator) -> None:
        """Read the token that is in the page."""
        self.url = powerbi.url
        with urlopen(powerbi.url, timeout=20) as page:  # noqa: S310 - it is on this machine
            found = re.search(r'<meta name="token" content="(\w+)">', page.read().decode())
        assert found is not None
        self.token = found[1]

    def __call__(self, command: str, **details: Any) -> dict[str, Any]:
        """Give an order."""
        headers = {"content-type": "application/json", "x-emulator-page": self.token, "origin": self.url}
        body = json.dumps({"command": command, **details}).encode()
        with urlopen(Request(f"{self.url}/emulator/commands", body, headers), timeout=20) as answer:  # noqa: S310 - so
            told: dict[str, Any] = json.load(answer)
        return told

    def make(self, kind: str, name: str, fields: dict[str, str], **details: Any) -> dict[str, Any]:
        """Make a dataset and give its API Info."""
        listed = [{"name": field, "type": word} for field, word in fields.items()]
        made = self("make", kind=kind, name=name, fields=listed, **details)
        return self("api_info", dataset=made["dataset"])


@pytest.fixture
def by_hand(powerbi: Emulator) -> ByHand:
    return ByHand(powerbi)


def run(title: str, text: str, folder: Path) -> None:
    """Run a snippet as somebody does who has pasted it."""
    program = [sys.executable, "-c", text]
    if shell := SHELLS.get(title):
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed: its snippet was not run")
        program = ["/bin/sh", "-ec", text] if shell == "curl" else [shell, "-NoProfile", "-Command", text]
    given = {name: value for name, value in os.environ.items() if not name.startswith("POWERBI_PUSH")}
    done = subprocess.run(program, cwd=folder, env=given, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("kind", ["streaming", "push", "open"])
def test_a_snippet_of_api_info_pushes_a_row_as_it_stands(
    powerbi: Emulator, by_hand: ByHand, tmp_path: Path, kind: str, at: int
) -> None:
    if kind == "streaming":
        fields = {**FIELDS, 'it\'s "quoted" \\ é': "Text"}
        info, table = by_hand.make("streaming", "Sensors", fields), "Sensors/RealTimeData"
        wanted = {"string_value": "AAAAA555555", "number_value": 98.6, "datetime_value": "2026-01-31T12:00:00Z"}
        wanted['it\'s "quoted" \\ é'] = "AAAAA555555"
    elif kind == "push":
        types = dict.fromkeys(("Int64", "Double", "Decimal", "Boolean", "DateTime", "String"))
        info, table = (
            by_hand.make("push", "Sales", {name: name for name in types}, table="My Orders"),
            "Sales/My Orders",
        )
        wanted = {"Int64": 98, "Double": 98.6, "Decimal": 98.6, "Boolean": True, "DateTime": "2026-01-31T12:00:00Z"}
        wanted["String"] = "AAAAA555555"
    else:
        powerbi.streaming_dataset("Any")
        (dataset,) = powerbi.client().datasets()
        info, table = by_hand("api_info", dataset=dataset.id), "Any/RealTimeData"
        wanted = {"celsius": 21.5, "room": "attic"}
    snippet = info["snippets"][at]
    run(snippet["title"], snippet["text"], tmp_path)
    powerbi.assert_pushed(table, [wanted])


def test_a_snippet_of_another_workspace_leads_there(powerbi: Emulator, by_hand: ByHand, tmp_path: Path) -> None:
    powerbi.add_workspace("Shop")
    schema = pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", {"Id": int})])
    dataset = powerbi.client().workspace("Shop").create_dataset(schema)
    for snippet in by_hand("api_info", dataset=dataset.id)["snippets"][:2]:
        run(snippet["title"], snippet["text"], tmp_path)
    assert powerbi.rows("Shop/Sales/Orders") == [{"Id": 98}, {"Id": 98}]


def test_the_published_example_works_unchanged_but_for_the_url(powerbi: Emulator, by_hand: ByHand) -> None:
    pytest.importorskip("requests")
    info = by_hand.make("streaming", "Blog", FIELDS, history=True)
    example = EXAMPLE.replace("https://api.powerbi.com/beta/ABC-XYZ", info["push_url"])
    said: dict[str, Any] = {}
    exec(example, said)  # noqa: S102 - our own
    assert said["response"].status_code == 200
    row = {"string_value": "ABC XYZ", "number_value": 12345.0, "datetime_value": said["now"]}
    powerbi.assert_pushed("Blog/RealTimeData", [row])
    # What it says that would not work does not: a row without a list, and a field that was not described.
    for wrong in ('{"number_value": 1}', '[{"another_number_value": 789}]'):
        exec(example.replace("json.dumps(data)", repr(wrong)), said)  # noqa: S102 - our own
        assert said["response"].status_code in {400, 404}
    powerbi.assert_pushed("Blog/RealTimeData", [row])


def test_a_dataset_of_microstrategy_is_deleted_by_hand(powerbi: Emulator, by_hand: ByHand) -> None:
    place = powerbi.microstrategy
    schema = pbi.DatasetSchema("Sales", {"Orders": {"Id": int}}, target="microstrategy")
    with pbi.microstrategy.Client(place.base_url, username=place.username, password=place.password) as client:
        dataset = client.create_dataset(schema, [{"Id": 1}], attributes=["Id"])
        by_hand("delete", dataset=dataset.id)
        with pytest.raises(pbi.NotFoundError):
            client.dataset("Sales")
