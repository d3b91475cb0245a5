"""Random faults of a MicroStrategy Library, and what they may lead to: all rows exactly once, or a clear error."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import powerbi_push as pbi

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

SCHEMA = pbi.DatasetSchema("Sales", {"Orders": {"Id": int, "City": str, "Price": float}}, target="microstrategy")
QUICK = pbi.Retry(attempts=4, first_delay=0.001, max_delay=0.002)
#: Whatever a push asks for. A 401 to a logout would be the truth: there is nothing to log out of.
ROUTES = ["CreateUpload", "PutChunk", "Publish", "PublishStatus", "DeleteUpload", "Search", "Dataset"]
PASSING = ["Login", "Logout"]
ROWS = 40
UNSENT = pbi.PushResult(read=ROWS, unsent=ROWS)


def order(dice: random.Random, emulator: Emulator) -> None:
    """Order one to three faults; of a login and a logout once at most, since nobody tries more than four times to log out."""
    is_passing = False
    for _ in range(dice.choice([1, 1, 2, 3])):
        kind, times = dice.randrange(7), dice.choice([1, 1, 2, 5])
        route = "MicroStrategy_" + dice.choice(ROUTES)
        match kind:
            case 0 | 1:
                emulator.drop_response(route=route, times=times)
            case 2:
                emulator.fail_next(401, code="ERR009", message="expired", route=route, times=min(times, 2))
            case 3:
                emulator.fail_next(503, body="<html>busy</html>", route=route, times=times)
            case 4:
                emulator.fail_next(500, code="ERR002", message="no space", route=route)
            case 5 if not is_passing:
                is_passing = True
                route = "MicroStrategy_" + dice.choice(PASSING)
                emulator.fail_next(503, body="<html>busy</html>", route=route, times=min(times, 2))
                emulator.drop_response(route="MicroStrategy_Logout", times=dice.choice([0, 1]))
            case _:
                emulator.microstrategy.fail_publish("no room", times=dice.choice([1, 2]))


def run(seed: int, emulator: Emulator) -> str:
    """Push into a dataset under faults; answers how it ended.

    Raises:
        AssertionError: Rows are there that were not confirmed, or in doubt, or are there twice; or something is left.
    """
    dice, server = random.Random(seed), emulator.microstrategy  # noqa: S311 - faults are no secret
    emulator.reset()
    rows = [{"Id": number, "City": f"c{number % 7}", "Price": number / 8} for number in range(ROWS)]
    who: dict[str, Any] = {"username": server.username, "password": server.password}
    with pbi.microstrategy.Client(server.base_url, **who, retry=None) as maker:
        maker.create_dataset(SCHEMA, rows[:3], attributes=["Id", "City"], workflow="many")
    client = pbi.microstrategy.Client(server.base_url, **who, retry=QUICK)
    if dice.random() < 0.2:
        client.datasets()
        server.expire_sessions()
    order(dice, emulator)
    try:
        result, ended = client.dataset("Sales").push(rows, policy="replace"), "published"
    except pbi.PowerBIPushError as raised:
        result, ended = UNSENT if raised.result is None else raised.result, type(raised).__name__
    there = server.rows("Sales/Orders")
    if result.confirmed:
        assert (there, result.confirmed) == (rows, ROWS), f"seed {seed}"
    elif result.in_doubt:
        assert there in (rows, rows[:3]), f"seed {seed}: {len(there)} rows {there[:1]}"
        assert result.in_doubt == ROWS
    else:
        assert (there, result.unsent) == (rows[:3], ROWS), f"seed {seed}"
    assert server.open_uploads == 0, f"seed {seed}: an upload is left"
    client.close()
    assert server.open_sessions == 0, f"seed {seed}: a login is left"
    return ended
