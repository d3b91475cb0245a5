"""The MicroStrategy of a local Power BI: a strict second reading of the vendor's documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from powerbi_push import _core
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import shown_unfinished

if TYPE_CHECKING:
    from powerbi_push._core import MicroStrategyEmulator

__all__ = ["MicroStrategy", "MicroStrategyAssumptions"]

#: Failures that can be asked for at once.
_MOST = 2**20


class MicroStrategyAssumptions(TypedDict, total=False):
    """What the emulator's MicroStrategy does where nobody has written down what the service does.

    The first answer is the default.

    Attributes:
        concurrent_uploads: How many upload sessions there can be at once: ``"one_a_dataset"``, ``"one_a_user"``, as
            many as one likes (``"allowed"``), or one a dataset, of which a new one takes the place of the old one
            (``"replace"``).
        concurrent_chunks: Whether a chunk is taken while another request with rows for the same dataset is under way:
            ``"refused"`` or ``"accepted"``.
        chunk_order: How chunks are put together: ``"by_index"``, ``"as_received"``, or as they came, an index that is
            not the next one being refused (``"next_only"``).
        repeated_chunks: What a chunk does whose index was there before: ``"overwrite"`` the earlier one, be
            ``"ignored"``, be ``"refused"``, or be ``"appended"``.
        missing_chunks: Whether an upload with gaps between its chunks can be published: ``"refused"`` or
            ``"accepted"``.
        repeated_keys: Which rows stay of those that have the same key in one load: all are ``"kept"``, the ``"first"``,
            the ``"last"``, or the publication fails (``"refused"``).
        chunk_checks: When the content of a chunk is checked: ``"at_publish"`` or ``"at_once"``.
        failed_publish: How one learns that a publication failed: by the ``"status"`` 18, by 3 (``"error_status"``), or
            by a ``"refusal"`` of the request to publish.
        status_type: Whether the status of a publication is a ``"number"`` or a ``"text"``.
        publish_gets: How many times the status of a publication is asked for in vain; 1 by default.
        publish_seconds: For how many seconds of the emulator's time a publication goes on; 0 by default.
        new_dataset_gets: How many times a new dataset is asked for in vain; 0 by default.
        upload_after_login: What becomes of an upload session when the login that began it ends: ``"lost"`` or
            ``"kept"``.
        balancer: Which cookie of the load balancer a request must bring: any that the session got (``"sticky"``), the
            ``"newest"``, or none (``"absent"``).
        zones: What a time with a zone becomes: it is ``"refused"`` but for ``Z``, its zone is ``"dropped"``, or it is
            ``"converted"`` to UTC.
        wide_integers: Whether an INTEGER may have more than 32 bits: ``"refused"`` or ``"accepted"``.
        same_name: Whether a folder may have two datasets of one name: ``"refused"`` or ``"accepted"``.
        first_policy: With what policies the first rows of a dataset may come: ``"any"``, or ``"replace"`` alone.
        unpublished_status: What the status of an upload is that was never published: the question is ``"refused"``, or
            it is 0 (``"zero"``).
        update_answer: With what status an update by one request is answered: ``"204"`` or ``"200"``.
    """

    concurrent_uploads: Literal["one_a_dataset", "one_a_user", "allowed", "replace"]
    concurrent_chunks: Literal["refused", "accepted"]
    chunk_order: Literal["by_index", "as_received", "next_only"]
    repeated_chunks: Literal["overwrite", "ignored", "refused", "appended"]
    missing_chunks: Literal["refused", "accepted"]
    repeated_keys: Literal["kept", "first", "last", "refused"]
    chunk_checks: Literal["at_publish", "at_once"]
    failed_publish: Literal["status", "error_status", "refusal"]
    status_type: Literal["number", "text"]
    publish_gets: int
    publish_seconds: float
    new_dataset_gets: int
    upload_after_login: Literal["lost", "kept"]
    balancer: Literal["sticky", "newest", "absent"]
    zones: Literal["refused", "dropped", "converted"]
    wide_integers: Literal["refused", "accepted"]
    same_name: Literal["refused", "accepted"]
    first_policy: Literal["any", "replace"]
    unpublished_status: Literal["refused", "zero"]
    update_answer: Literal["204", "200"]


@shown_unfinished
class MicroStrategy:
    """The MicroStrategy of an emulator, whose `Emulator.microstrategy` it is."""

    def __init__(self, core: MicroStrategyEmulator) -> None:
        """Take the core's half."""
        self._core = core

    @property
    def base_url(self) -> str:
        """The address of the Library server; its API is below ``/api``."""
        return self._core.base_url

    @property
    def username(self) -> str:
        """The name of its one user, for the login modes standard and LDAP; anonymous is let in, too."""
        return self._core.username

    @property
    def password(self) -> str:
        """The user's password."""
        return self._core.password

    @property
    def api_token(self) -> str:
        """An API token of the user."""
        return self._core.api_token

    @property
    def oauth_token(self) -> str:
        """An access token of the user, as OAuth gives one; it does not expire."""
        return self._core.oauth_token

    @property
    def project(self) -> str:
        """The name of the project that is there from the start."""
        return self._core.project

    def add_project(self, name: str) -> str:
        """Make a further project, until `Emulator.reset`, and give its id."""
        return self._core.add_project(_core.check_text("name", name))

    def rows(self, target: str) -> list[dict[str, Any]]:
        """The published rows of a table as the emulator understood them, in their order.

        Each has all columns of the table: int, float, bool, str, None, `decimal.Decimal`, `datetime.date`,
        `datetime.time` and `datetime.datetime`.

        Args:
            target: ``"Dataset/Table"``, or ``"Dataset"`` if it has one table. Names or ids.

        Raises:
            NotFoundError: There is no such table; the message lists what there is.
            ConfigurationError: `target` has more parts.
        """
        parts = _core.check_text("target", target).split("/")
        if len(parts) > 2:  # noqa: PLR2004 - a dataset and a table
            raise ConfigurationError(f"`target` {target!r} is no table", hint='give "Dataset/Table"')
        return self._core.rows(parts[0], parts[1] if parts[1:] else None)

    @property
    def open_sessions(self) -> int:
        """How many logins are neither logged out nor expired."""
        return self._core.open_sessions

    @property
    def open_uploads(self) -> int:
        """How many upload sessions are neither published, nor failed, nor deleted, nor lost with their login."""
        return self._core.open_uploads

    def expire_sessions(self) -> None:
        """End all sessions so far: their next request is answered with 401 and ``ERR009``."""
        self._core.expire_sessions()

    def fail_publish(self, message: str = "Failed to publish.", *, times: int = 1) -> None:
        """Let the next publications fail after they were taken in, with this message."""
        self._core.fail_publish(_core.check_text("message", message), _core.check_whole("times", times, 0, _MOST))

    def __repr__(self) -> str:
        """Show where it is."""
        return f"MicroStrategy({self.base_url!r})"
