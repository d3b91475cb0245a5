"""A client for each test, after which no login and no upload may be left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from library_client import client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import powerbi_push as pbi
    from powerbi_push.emulator import MicroStrategy


@pytest.fixture
def client(microstrategy: MicroStrategy) -> Iterator[pbi.microstrategy.Client]:
    with client_of(microstrategy) as client:
        yield client
    assert (microstrategy.open_sessions, microstrategy.open_uploads) == (0, 0)
