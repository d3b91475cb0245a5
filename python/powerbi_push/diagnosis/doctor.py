"""`doctor`: looks at everything that stands between your rows and Power BI, and says what to change."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from powerbi_push import _core
from powerbi_push.calls.verbs import awaited, run, settled
from powerbi_push.diagnosis.findings import NOBODY, explain, may_list_workspaces, missed_way, shown, token_checks
from powerbi_push.diagnosis.report import Check, Report
from powerbi_push.environment import VARIABLE, emulator_url, token_is_set
from powerbi_push.exceptions import PowerBIPushError
from powerbi_push.powerbi.client import Client
from powerbi_push.powerbi.table import Table
from powerbi_push.powerbi.targets import place, plain, stream
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from powerbi_push.calls.verbs import Verb
    from powerbi_push.diagnosis.findings import Told
    from powerbi_push.powerbi.targets import Target

#: So many names are shown; the rest is counted.
_SHOWN = 5


def doctor(
    target: Target | None = None,
    *,
    credential: object = None,
    cloud: str = "public",
    base_url: str | None = None,
    timeout: float = 30.0,
    proxy: str | None = None,
    ca_bundle: str | os.PathLike[str] | None = None,
) -> Report:
    """Find out what keeps rows from arriving.

    The token is read (not verified), workspaces and datasets are listed, and where a target is given its dataset and
    table are looked for. No row is sent and nothing is changed; each question is asked once, without a retry.

    Args:
        target: As for `push`: where rows are to go. None looks at the sign-in alone.
        credential: As for `Client`; not needed for push URLs and for a `Table`, which has its client.
        cloud: As for `Client`.
        base_url: As for `Client`.
        timeout: As for `Client`.
        proxy: As for `Client`.
        ca_bundle: As for `Client`.

    Returns:
        What was found, in plain sentences. What is wrong is in there: none of it is raised, and no secret is shown.

    >>> from powerbi_push.emulator import Emulator
    >>> with Emulator() as emulator:
    ...     report = doctor(credential=emulator.credential, base_url=emulator.url)
    ...     report.ok
    True
    """
    hidden = Hidden((plain(target).value, credential))
    settings = Hidden(
        {"cloud": cloud, "base_url": base_url, "timeout": timeout, "proxy": proxy, "ca_bundle": ca_bundle}
    )
    del target, credential, cloud, base_url, proxy, ca_bundle
    return run(_doctor(hidden, settings))


async def doctor_async(
    target: Target | None = None,
    *,
    credential: object = None,
    cloud: str = "public",
    base_url: str | None = None,
    timeout: float = 30.0,  # noqa: ASYNC109 - of one exchange, as everywhere
    proxy: str | None = None,
    ca_bundle: str | os.PathLike[str] | None = None,
) -> Report:
    """Await `doctor`."""
    hidden = Hidden((plain(target).value, credential))
    settings = Hidden(
        {"cloud": cloud, "base_url": base_url, "timeout": timeout, "proxy": proxy, "ca_bundle": ca_bundle}
    )
    del target, credential, cloud, base_url, proxy, ca_bundle
    return settled(await awaited(_doctor(hidden, settings)))


def _doctor(hidden: Hidden[tuple[Any, object]], settings: Hidden[dict[str, Any]]) -> Verb[Report]:
    examination = _Examination()
    with suppress(_Over):
        yield from examination.examine(hidden, settings)
    return Report(tuple(examination.checks))


class _Over(Exception):  # noqa: N818 - it is no error
    """What was found makes the rest pointless."""


class _Examination:
    """The checks so far."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self._told: Told | None = None

    def examine(self, hidden: Hidden[tuple[Any, object]], settings: Hidden[dict[str, Any]]) -> Verb[None]:
        """Look at one thing after the other."""
        if self._is_push_url(hidden):
            return
        is_chain = _is_chain(hidden, settings)
        # What is wrong with one way of the chain is said of that way.
        core = self._open(Hidden((hidden.value[0], _nobody if is_chain else hidden.value[1])), settings)
        cloud = _cloud(core.base_url, settings.value["cloud"])
        if is_chain:
            core = yield from self._chosen(settings)
        yield from self._sign_in(core, cloud)
        where = self._place(hidden, core)
        workspaces = yield from self._workspaces(core)
        if where is None:
            yield from self._datasets(core, workspaces)
        else:
            yield from self._table(core, *where)

    def _add(self, name: str, message: str, **more: Any) -> None:
        self.checks.append(Check(name, more.pop("state", "ok"), message, **more))

    def _fail(self, name: str, message: str, hint: str) -> _Over:
        self._add(name, message, state="failed", hint=hint)
        return _Over()

    def _refused(self, name: str, error: PowerBIPushError) -> _Over:
        self.checks.append(explain(name, error, self._told))
        return _Over()

    def _ask(self, name: str, ask: Callable[[], _core.Operation]) -> Verb[Any]:
        try:
            return (yield ask())
        except PowerBIPushError as error:
            raise self._refused(name, error) from None

    def _is_push_url(self, hidden: Hidden[tuple[Any, object]]) -> bool:
        try:
            known = stream(Hidden(hidden.value[0]), Hidden(None))
        except PowerBIPushError as error:
            raise self._refused("target", error) from None
        if known is None:
            return False
        message = f"{known!r}: it holds its own key and needs no sign-in; only rows can show whether it works"
        self._add("target", message)
        return True

    def _open(self, hidden: Hidden[tuple[Any, object]], settings: Hidden[dict[str, Any]]) -> _core.Client:
        if isinstance(hidden.value[0], Table):
            core = hidden.value[0].dataset._core  # noqa: SLF001 - the same package
        else:
            try:
                core = Client(hidden.value[1], retry=None, **settings.value)._core  # noqa: SLF001
            except PowerBIPushError as error:
                raise self._refused("settings", error) from None
        host = urlsplit(core.base_url).hostname
        known = {urlsplit(cloud["base_url"]).hostname for cloud in _core.Client.clouds()}
        if host not in known and not _core.is_loopback(core.base_url):
            hint = "check base_url=; without it the cloud's own host is taken"
            self._add("service", f"{core.base_url} is no host of Power BI that is known", state="warning", hint=hint)
        elif core.base_url == emulator_url() and settings.value["base_url"] is None:
            self._add("service", f"requests go to the emulator at {core.base_url}, as {VARIABLE} says")
        else:
            self._add("service", f"requests go to {core.base_url}")
        return core

    def _chosen(self, settings: Hidden[dict[str, Any]]) -> Verb[_core.Client]:
        """Try the ways that there are without a credential, in their order, until one is to be had.

        One that is set up by half keeps every program from signing in; the others are looked at all the same.
        """
        from powerbi_push.credentials.default import ways  # noqa: PLC0415 - whoever brings a credential needs none

        missed: list[Check] = []
        for way in ways(Hidden(None)):
            if way.lacking:
                missed.append(missed_way(way.name, way.lacking))
                continue
            try:
                credential = Hidden(way.make())
            except PowerBIPushError as error:
                missed.append(explain(way.name, error))
                continue
            try:
                own = Client(credential.value, retry=None, **settings.value)._core  # noqa: SLF001 - the same package
                yield own.told_by_token()
            except PowerBIPushError as error:
                if way.decides and getattr(error, "code", None) != NOBODY:
                    self.checks += missed
                    raise self._refused(way.name, error) from None
                missed.append(missed_way(way.name, error.message))
            else:
                self.checks += [check if _has_failed(check) else replace(check, state="ok") for check in missed]
                if any(map(_has_failed, missed)):
                    self._add(way.name, "it is to be had, and would serve")
                    raise _Over
                self._add(way.name, "it is to be had, and serves")
                return own
        self.checks += missed
        if any(map(_has_failed, missed)):
            raise _Over
        return Client(None, retry=None, **settings.value)._core  # noqa: SLF001 - the same package

    def _sign_in(self, core: _core.Client, cloud: dict[str, str]) -> Verb[None]:
        told: Told = yield from self._ask("sign-in", core.told_by_token)
        self._told = told
        self.checks += token_checks(told, cloud)
        if any(map(_has_failed, self.checks)):
            raise _Over

    def _place(self, hidden: Hidden[tuple[Any, object]], core: _core.Client) -> tuple[str | None, str, str] | None:
        target: Hidden[Any] = Hidden(hidden.value[0])
        if target.value is None:
            return None
        if isinstance(target.value, Table):
            table: Table = target.value
            return table.dataset.workspace.id, table.dataset.id, table.name
        try:
            return place(target, core.base_url)
        except PowerBIPushError as error:
            raise self._refused("target", error) from None

    @property
    def _is_app(self) -> bool:
        return self._told is not None and self._told["application"]

    def _workspaces(self, core: _core.Client) -> Verb[list[dict[str, str]]]:
        if self._told is not None and not may_list_workspaces(self._told["claims"]):
            hint = "ask for the scope Workspace.Read.All too, or name workspaces by their ids"
            self._add("workspaces", "the token may not list workspaces", state="warning", hint=hint)
            return []
        found: list[dict[str, str]] = yield from self._ask("workspaces", partial(core.workspaces, None))
        if found:
            self._add("workspaces", f"{_counted(found, 'workspace')} can be seen")
        elif self._is_app:
            hint = "add the app under Manage access of a workspace, as Contributor or Member; that takes some minutes"
            raise self._fail("workspaces", "the service principal is in no workspace, and has no My workspace", hint)
        else:
            self._add("workspaces", "there is My workspace, and no other that can be seen")
        return found

    def _datasets(self, core: _core.Client, workspaces: list[dict[str, str]]) -> Verb[None]:
        """List what is in My workspace; a service principal has none, so its first one is taken."""
        here = workspaces[0] if self._is_app else {"id": None, "name": "My workspace"}
        found = yield from self._ask("datasets", partial(core.datasets, here["id"]))
        takers = [dataset for dataset in found if dataset["accepts_rows"]]
        self._add("datasets", f"{shown(here['name'])} has {len(found)}; {_counted(takers, 'dataset')} take rows")

    def _table(self, core: _core.Client, workspace: str | None, dataset: str, table: str) -> Verb[None]:
        if workspace is not None and not _core.Client.is_id(workspace):
            info = yield from self._ask("workspace", partial(core.workspace, workspace))
            self._add("workspace", f"the workspace `{shown(workspace)}` is there")
            workspace = info["id"]
        found = yield from self._ask("dataset", partial(core.dataset, workspace, dataset))
        name = shown(found["name"])
        if not found["accepts_rows"]:
            message = f"the dataset `{name}` ({found['id']}) takes no rows: it is no push dataset"
            raise self._fail("dataset", message, "make one with create_dataset, or name another")
        self._add("dataset", f"the dataset `{name}` ({found['id']}) is there and takes rows")
        tables = yield from self._ask("table", partial(core.tables, workspace, found["id"]))
        if table not in tables:
            listed = ", ".join(f"`{shown(one)}`" for one in tables) or "none"
            hint = "case counts; the service cannot add a table to a dataset that is there"
            raise self._fail("table", f"the dataset has no table `{shown(table)}`; it has {listed}", hint)
        self._add("table", f"the table `{shown(table)}` is there")


def _nobody() -> str:
    """Stand where a credential is to be found yet."""
    return ""


def _has_failed(check: Check) -> bool:
    return check.state == "failed"


def _is_chain(hidden: Hidden[tuple[Any, object]], settings: Hidden[dict[str, Any]]) -> bool:
    """Say whether nobody said how to sign in, so that one way after the other is tried."""
    target, credential = Hidden(hidden.value[0]), Hidden(hidden.value[1])
    is_emulated = settings.value["base_url"] is None and emulator_url() is not None
    return credential.value is None and not isinstance(target.value, Table) and not is_emulated and not token_is_set()


def _cloud(base_url: str, name: str) -> dict[str, str]:
    """Say in which cloud the service is: the one that has its address, or the one that was named."""
    clouds = _core.Client.clouds()
    found = [cloud for cloud in clouds if cloud["base_url"] == base_url] or [it for it in clouds if it["name"] == name]
    return found[0]


def _counted(found: list[dict[str, Any]], what: str) -> str:
    names = ", ".join(f"`{shown(one['name'])}`" for one in found[:_SHOWN])
    more = ", ..." if len(found) > _SHOWN else ""
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}{f' ({names}{more})' if found else ''}"
