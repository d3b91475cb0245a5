"""Uploads: rows of several tables, published together or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from powerbi_push.calls.options import LoadOptions, given, takes
from powerbi_push.calls.verbs import awaited, run, settled, within
from powerbi_push.exceptions import ClosedError, OutboxError
from powerbi_push.microstrategy.dataset import in_time, sending, tell_of_keys
from powerbi_push.tracebacks import shown_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self, Unpack

    from powerbi_push import _core
    from powerbi_push.calls.options import Rows
    from powerbi_push.calls.verbs import Verb
    from powerbi_push.delivery.progress import Progress
    from powerbi_push.delivery.results import PushResult
    from powerbi_push.microstrategy.dataset import Dataset, Policy


@shown_unfinished
class Upload:
    """Rows that wait, in files on this machine, until they are sent and published together.

    In a ``with`` statement they are published at a clean exit and discarded where its body raises.

    Attributes:
        results: What became of the rows, by table, once they were published or that has failed; None before.
    """

    def __init__(self, dataset: Dataset, core: _core.LibraryUpload) -> None:
        """Made by `Dataset.upload`."""
        self._dataset = dataset
        self._core = core
        self._count = 0
        self._is_over = False
        self.results: dict[str, PushResult] | None = None

    @takes(LoadOptions)
    def push(
        self, rows: Rows, table: str | None = None, *, policy: Policy | None = None, **options: Unpack[LoadOptions]
    ) -> int:
        """Read and check rows, and have them wait.

        Args:
            rows: Rows.
            table: The name of the table; default is the only one. Rows of several calls go into it in their order.
            policy: See `Dataset.push`; one for each table.
            **options: See `LoadOptions`.

        Returns:
            How many rows wait now that did not before.

        Raises:
            ConfigurationError: There is no such table or policy, or the table has no key.
            ValidationError: Rows do not fit.
            OutboxFullError: The disk is full; the upload is over.
            OutboxError: Rows cannot wait in `spool_dir`; the upload is over.
            ClosedError: The upload is over.
        """
        return run(self._push(rows, table, policy, given("Upload.push", LoadOptions, options)))

    @takes(LoadOptions)
    async def push_async(
        self, rows: Rows, table: str | None = None, *, policy: Policy | None = None, **options: Unpack[LoadOptions]
    ) -> int:
        """Await `push`; async iterables are rows too."""
        return settled(await awaited(self._push(rows, table, policy, given("Upload.push_async", LoadOptions, options))))

    def _push(self, rows: Any, table: Any, policy: Any, options: dict[str, Any]) -> Verb[int]:
        self._check()
        limit, options = in_time(options)
        yield from within(limit, self._dataset.known())
        try:
            count: int = yield self._core.collect(rows, table, self._dataset.usual(policy), options)
        except OutboxError:
            # Rows that cannot wait on the disk: what is left of the upload is not what was meant.
            self.discard()
            raise
        self._count += count
        return count

    def publish(
        self, *, timeout: float | None = None, progress: bool | Callable[[Progress], object] | None = None
    ) -> dict[str, PushResult]:
        """Send all that waits, publish it, and wait until that is done.

        Args:
            timeout: Seconds for the whole call; None (default) is no limit.
            progress: See `LoadOptions`.

        Returns:
            What became of the rows, by table; without rows nothing is sent.

        Raises:
            PowerBIPushError: As for `Dataset.push`; `results` says what became of the rows, and no upload is left.
        """
        return run(self._publish({"timeout": timeout, "progress": progress}))

    async def publish_async(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as everywhere in this package
        progress: bool | Callable[[Progress], object] | None = None,
    ) -> dict[str, PushResult]:
        """Await `publish`."""
        return settled(await awaited(self._publish({"timeout": timeout, "progress": progress})))

    def _publish(self, options: dict[str, Any]) -> Verb[dict[str, PushResult]]:
        self._check()
        self._is_over = True
        _, options = in_time(options)
        try:
            if not self._count:
                self.results = self._core.results()
                return self.results
            results: dict[str, PushResult] = yield self._core.publish(
                self._dataset.id, self._dataset.is_new, sending(options)
            )
        except BaseException as raised:
            self.results = getattr(raised, "_results", None)
            raise
        finally:
            self._core.discard()
        self.results = results
        self._dataset.note_published()
        tell_of_keys(self._dataset.name, results)
        return results

    def discard(self) -> None:
        """Let all go that waits; nothing was sent."""
        self._is_over = True
        self._core.discard()

    async def discard_async(self) -> None:
        """Await `discard`."""
        self.discard()

    def _check(self) -> None:
        if self._is_over:
            msg = "the upload is over"
            raise ClosedError(msg, hint="begin another one: dataset.upload()")

    def __enter__(self) -> Self:
        """Enter; at the end it is published, or discarded where the body raises."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Publish it, or let it go."""
        if raised is not None:
            self.discard()
        elif not self._is_over:
            self.publish()

    async def __aenter__(self) -> Self:
        """Enter; at the end it is published, or discarded where the body raises."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Publish it, or let it go."""
        if raised is not None:
            self.discard()
        elif not self._is_over:
            await self.publish_async()

    def __repr__(self) -> str:
        """Show what it is for."""
        return f"Upload({self._dataset.name!r}, rows={self._count})"
