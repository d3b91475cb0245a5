"""Workspaces: where datasets are, found and created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from powerbi_push.calls.arguments import look_at
from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.powerbi.dataset import Dataset
from powerbi_push.powerbi.retirement import tell_of_retirement
from powerbi_push.schema.dataset import DatasetSchema
from powerbi_push.schema.table import TableSchema, specification
from powerbi_push.tracebacks import Hidden, shown_unfinished

if TYPE_CHECKING:
    from typing import TypeAlias

    from powerbi_push import _core
    from powerbi_push.calls.verbs import Verb

    IfExists: TypeAlias = Literal["fail", "reuse", "recreate"]


@shown_unfinished
class Workspace:
    """A workspace ("group" in the REST API), or the user's own.

    Attributes:
        id: The service's id; None for My workspace.
    """

    def __init__(self, core: _core.Client, workspace_id: str | None, name: str | None) -> None:
        """Made by `Client.workspace` and `Client.my_workspace`."""
        self._core = core
        self.id = workspace_id
        self._name = name

    @property
    def name(self) -> str:
        """Its name, looked up once where only the id is known so far (Get Group).

        Raises:
            NotFoundError: There is no such workspace that you may see; the message lists those there are.
        """
        return run(self._named())

    async def name_async(self) -> str:
        """Await `name`."""
        return settled(await awaited(self._named()))

    def _named(self) -> Verb[str]:
        if self._name is None:
            info = yield self._core.workspace(str(self.id))
            self._name = info["name"]
        return self._name

    def datasets(self) -> list[Dataset]:
        """List the datasets that you may see here, of any kind.

        Raises:
            ServiceError: The service refuses.
            TransportError: The service cannot be reached.
        """
        return run(self._datasets())

    async def datasets_async(self) -> list[Dataset]:
        """Await `datasets`."""
        return settled(await awaited(self._datasets()))

    def _datasets(self) -> Verb[list[Dataset]]:
        infos = yield self._core.datasets(self.id)
        return [Dataset(self._core, self, info, None) for info in infos]

    def dataset(self, name_or_id: str) -> Dataset:
        """Find a dataset by its id, or by its name.

        Raises:
            NotFoundError: There is none; the message lists those there are.
            ConfigurationError: Several have this name; the message lists their ids.
        """
        hidden, name_or_id = Hidden(name_or_id), ""
        return run(self._dataset(hidden))

    async def dataset_async(self, name_or_id: str) -> Dataset:
        """Await `dataset`."""
        hidden, name_or_id = Hidden(name_or_id), ""
        return settled(await awaited(self._dataset(hidden)))

    def _dataset(self, name_or_id: Hidden[str]) -> Verb[Dataset]:
        info = yield self._core.dataset(self.id, name_or_id.value)
        return Dataset(self._core, self, info, None)

    def create_dataset(self, schema: DatasetSchema, *, if_exists: IfExists = "fail") -> Dataset:
        """Create a dataset.

        The service would make a second one of the same name, so this looks first. One that the service takes its time
        to make (202) is waited for, up to 120 seconds. A request without an answer is never repeated: the new dataset
        is looked for, for 15 seconds, and taken where it is there.

        Threads of one process that do this at once take turns, so that they make one. Nothing can prevent another
        process from making a second one at the same moment: with ``"reuse"`` the name is looked up again afterwards,
        and a warning of the logger says so.

        Args:
            schema: What to create, with its mode and its retention policy.
            if_exists: What to do where a dataset of this name exists: ``"fail"`` (default), ``"reuse"`` takes it as it
                is, ``"recreate"`` deletes it first, which detaches its tiles.

        Raises:
            ConfigurationError: One exists already, or it takes no rows, or several have the name; the message holds
                their ids.
            TypeError: `schema` is no DatasetSchema.
            FeatureRetiredError: The service no longer creates such datasets.
            ServiceError: The service refuses. Where it failed (5xx) the message says whether the dataset is there.
            TransportError: There was no answer, and no new dataset is to be seen.
            DeadlineError: The service is still making it; the message holds its name and its id.

        Mirrors Post Dataset and Post Dataset In Group (source: their pages in the Power BI REST reference).
        """
        return run(self._create_dataset(schema, if_exists))

    async def create_dataset_async(self, schema: DatasetSchema, *, if_exists: IfExists = "fail") -> Dataset:
        """Await `create_dataset`."""
        return settled(await awaited(self._create_dataset(schema, if_exists)))

    def _create_dataset(self, schema: DatasetSchema, if_exists: IfExists) -> Verb[Dataset]:
        dataset, _ = yield from self._take_or_create(schema, if_exists)
        return dataset

    def _take_or_create(self, schema: DatasetSchema, if_exists: IfExists) -> Verb[tuple[Dataset, bool]]:
        """Answers also whether the dataset was made for this."""
        schema = _dataset_schema(schema)
        tell_of_retirement(self._core.base_url)
        info = yield self._core.create_dataset(self.id, specification(schema), if_exists)
        return Dataset(self._core, self, info, schema), info["made"]

    def __repr__(self) -> str:
        """Show which one it is."""
        return f"Workspace({self._name or self.id!r})"


def _dataset_schema(schema: object) -> DatasetSchema:
    look_at("schema", schema)
    if isinstance(schema, DatasetSchema):
        return schema
    advice = 'DatasetSchema(name, {"Orders": {"Id": int}}) makes one, DatasetSchema.from_json(text) reads one'
    if isinstance(schema, TableSchema):
        advice = "wrap it: DatasetSchema(name, [table])"
    msg = f"`schema` must be a DatasetSchema, not {type(schema).__name__}; {advice}"
    raise TypeError(msg)
