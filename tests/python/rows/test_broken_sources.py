"""Rows that raise while they are read: what was sent stays sent, and all is accounted for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, orders, posts, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator


class Unreadable(Exception):  # noqa: N818 - what the rows raise
    """The rows' own trouble."""


@pytest.mark.parametrize(
    ("after", "confirmed"), [(0, 0), (1, 0), (9_999, 0), (10_000, 10_000), (10_001, 10_000), (25_000, 20_000)]
)
def test_a_generator_that_raises_leaves_what_was_sent(virtual: Emulator, after: int, confirmed: int) -> None:
    table = make_table(virtual)

    def broken() -> Iterator[Any]:
        yield from orders(after)
        message = "the disk is gone"
        raise Unreadable(message)

    with pytest.raises(pbi.SourceError, match=f"row {after}: Unreadable: the disk is gone") as caught:
        table.push(broken())
    assert isinstance(caught.value.__cause__, Unreadable)
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.read, result.confirmed, result.unsent) == (after, confirmed, after - confirmed)
    assert arrived(virtual) == Counter(range(confirmed))
    assert result.resume_from == confirmed


def test_a_row_that_raises_is_a_source_error_too(virtual: Emulator) -> None:
    class Row:
        def keys(self) -> list[str]:
            raise Unreadable

        def __getitem__(self, key: str) -> int:
            return 0

    table = make_table(virtual)
    with pytest.raises(pbi.SourceError) as caught:
        table.push([*orders(2), Row()])
    assert isinstance(caught.value.__cause__, Unreadable)
    assert posts(virtual) == []
    check_account(caught.value.result, arrived(virtual))


def test_a_list_that_shrinks_while_it_is_read_is_an_error_and_not_a_crash(virtual: Emulator) -> None:
    rows: list[Any] = orders(20)

    class Row:
        def keys(self) -> list[str]:
            rows.pop()
            return ["Id"]

        def __getitem__(self, key: str) -> int:
            return 0

    rows[3] = Row()
    table = make_table(virtual)
    with pytest.raises(pbi.SourceError, match="changed") as caught:
        table.push(rows)
    assert posts(virtual) == []
    check_account(caught.value.result, arrived(virtual))


def test_a_push_inside_the_rows_of_a_push_works(virtual: Emulator) -> None:
    table = make_table(virtual)

    def pushing() -> Iterator[Any]:
        yield {"Id": 0}
        table.push([{"Id": 1}])
        yield {"Id": 2}

    assert table.push(pushing()).ok
    assert arrived(virtual) == Counter([0, 1, 2])


def test_a_source_that_raises_while_the_service_refuses_is_still_accounted_for(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(403, route="Datasets_PostRows")

    def broken() -> Iterator[Any]:
        yield from orders(15_000)
        wait_until(lambda: len(posts(virtual)) == 1)
        raise Unreadable

    with pytest.raises((pbi.SourceError, pbi.PermissionDeniedError)) as caught:
        table.push(broken())
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.rejected, result.confirmed) == (10_000, 0)
