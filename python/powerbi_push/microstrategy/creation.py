"""Datasets made: what columns are, and which way their first rows go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.calls.arguments import listed, look_at, shown
from powerbi_push.calls.verbs import begin_time_limit, within
from powerbi_push.exceptions import ConfigurationError, PowerBIPushError
from powerbi_push.microstrategy.dataset import Dataset, sending, tell_of_keys
from powerbi_push.tracebacks import frameless

if TYPE_CHECKING:
    from powerbi_push.calls.verbs import Verb
    from powerbi_push.schema.dataset import DatasetSchema

_PAIR = 2


@frameless
def roles(name: str, given: Any) -> list[tuple[str, str, str | None]]:
    """Read who takes a role: names with the column of their values, and that of their description."""
    if given is None:
        return []
    look_at(name, given)
    how = f'{name}= takes names of columns, or a mapping such as {{"City": ("city_id", "city_name")}}'
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(how)
    found: list[tuple[str, str, str | None]] = []
    named = listed("the dataset", name, given, target="microstrategy")
    for role, columns in given.items() if isinstance(given, Mapping) else zip(named, named, strict=True):
        match columns:
            case str():
                found.append((_core.check_text(name, role), _core.check_text(name, columns), None))
            case (str(column), str(desc)) if len(columns) == _PAIR and name == "attributes":
                found.append((_core.check_text(name, role), column, desc))
            case _:
                raise ConfigurationError(how)
    return found


def create(  # noqa: PLR0917 - what the verb was given, and the client
    core: _core.Library,
    schema: DatasetSchema,
    model: _core.LibraryModel,
    rows: Any,
    workflow: Any,
    options: dict[str, Any],
) -> Verb[Dataset]:
    """Make a dataset, in one request where its rows are few."""
    if workflow is not None:
        _core.check_word("workflow", workflow, ["one", "many"])
    limit = begin_time_limit(options)
    parts = _parts(schema, rows)
    if workflow == "one" and (len(schema.tables) != 1 or not parts):
        msg = 'workflow="one" makes a dataset of the rows of its only table: it takes one table and rows='
        raise ConfigurationError(msg)
    if not parts:
        info = yield from within(limit, _defined(core, model))
        return Dataset(core, info, model, made="many")
    ways = {None: "size" if len(schema.tables) == 1 else "many"}
    upload = _core.LibraryUpload(core, model, schema.name, ways.get(workflow, workflow), None)
    try:
        count = 0
        for table, part in parts.items():
            count += yield upload.collect(part, table, "replace", options)
        if upload.is_whole and count:
            results = yield upload.create(sending(options))
            made = Dataset(core, {"id": results.pop(None), "name": schema.name}, model, made="one", is_new=False)
        else:
            info = yield from within(limit, _defined(core, model))
            made = Dataset(core, info, model, made="many")
            results = yield from _filled(upload, made, count, options)
    finally:
        upload.discard()
    tell_of_keys(schema.name, results)
    made.created = results if isinstance(rows, Mapping) else next(iter(results.values()))
    return made


def _defined(core: _core.Library, model: _core.LibraryModel) -> Verb[dict[str, Any]]:
    info: dict[str, Any] = yield core.define(model)
    return info


def _filled(upload: _core.LibraryUpload, made: Dataset, count: int, options: dict[str, Any]) -> Verb[dict[str, Any]]:
    """Publish the first rows of a dataset that was just made."""
    if not count:
        return upload.results()
    upload.claim(made.id)
    try:
        results: dict[str, Any] = yield upload.publish(made.id, True, sending(options))  # noqa: FBT003 - a door of the core
    except PowerBIPushError as raised:
        raised.add_note(f"the dataset {made.name!r} is there without rows, with the id {made.id}")
        raise
    made.note_published()
    return results


def _parts(schema: DatasetSchema, rows: Any) -> dict[str, Any]:
    """Say which rows go into which table."""
    names = [table.name for table in schema.tables]
    if rows is None:
        return {}
    look_at("rows", rows)
    if isinstance(rows, Mapping) and rows and all(name in names for name in rows):
        return dict(rows)
    tables = f"its tables are {', '.join(map(shown, names))}"
    columns = (column.name for table in schema.tables for column in table.columns)
    if isinstance(rows, Mapping) and {*names, *columns}.isdisjoint(rows):
        msg = "rows= is a mapping, and none of its keys is the name of a table"
        raise ConfigurationError(msg, hint=tables)
    if len(names) == 1:
        return {names[0]: rows}
    msg = f"the dataset has {len(names)} tables: rows= takes a mapping of their names to rows"
    raise ConfigurationError(msg, hint=tables)
