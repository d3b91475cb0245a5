"""The vendor's own client, the last one with a free licence, against the emulator's MicroStrategy."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import mstrio_environment

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

SCRIPT = Path(__file__).parents[1] / "mstrio_script.py"


pytestmark = pytest.mark.skipif(not mstrio_environment.is_ready(), reason="make test-mstrio installs it")


@pytest.mark.parametrize("last", ["keep", "delete"])
def test_the_vendors_client_creates_uploads_upserts_and_deletes(powerbi: Emulator, last: str) -> None:
    server = powerbi.microstrategy
    login = (server.base_url, server.username, server.password, server.project)
    ended = subprocess.run(
        [mstrio_environment.PYTHON, SCRIPT, *login, last], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr[-2_000:]
    operations = [(request.operation or "").removeprefix("MicroStrategy_") for request in powerbi.requests]
    # Four chunks of 300 rows and one of the other table, then one of the upsert.
    assert (operations.count("PutChunk"), operations.count("Publish")) == (6, 2)
    assert [request.refusal for request in powerbi.requests if request.refusal] == []
    assert (server.open_sessions, server.open_uploads, operations[-1]) == (0, 0, "Logout")
    if last == "delete":
        assert operations.count("DeleteObject") == 1
        return
    at = datetime(2024, 1, 2, 3, 4, 5, 678901)
    expected = [
        {"id": number, "name": f"Süd {number}", "amount": number / 4 if number < 998 else -1.0, "at": at}
        for number in range(1_000)
    ]
    assert server.rows("Orders/orders") == [*expected, {"id": 5_000, "name": "new", "amount": -1.0, "at": at}]
    assert server.rows("Orders/cities") == [{"code": "a", "people": 1_500.5}, {"code": "b", "people": None}]
