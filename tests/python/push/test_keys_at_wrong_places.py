"""A push URL that was copied badly, or put where something else belongs, shows its key nowhere."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import TYPE_CHECKING, Any, is_typeddict

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import make_table, orders
from powerbi_push.emulator import Emulator
from powerbi_push.emulator.microstrategy import MicroStrategy
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "canary5e2f%2F7d1c%3D%3D"
URL = f"https://api.powerbi.com/beta/95d19b2e/datasets/7d5e1a52/rows?experience=power-bi&key={KEY}"
BARE = URL.removeprefix("https://")

TARGETS: dict[str, Any] = {
    "no scheme": BARE,
    "no scheme and few slashes": f"datasets/rows?key={KEY}",
    "a name": f"rows?key={KEY}",
    "in quotes": f'"{URL}"',
    "in single quotes": f"'{URL}'",
    "in angle brackets": f"<{URL}>",
    "a broken scheme": URL[1:],
    "a scheme twice": f"url=https://{URL}",
    "behind a BOM": f"\ufeff{URL}",
    "two slashes": f"//{BARE}",
    "another scheme": f"ftp://{BARE}",
    "http": f"http://{BARE}",
    "no host": f"https://?key={KEY}",
    "a host that is none": f"https://[::1/rows?key={KEY}",
    "a user": f"https://me:{KEY}@api.powerbi.com/rows",
    "a user of a rows address": f"https://me:{KEY}@example.org/v1.0/myorg/datasets/d/tables/t/rows",
    "a rows address elsewhere": f"https://example.org/v1.0/myorg/datasets/d/tables/t/rows?key={KEY}",
    "another parameter": f"//example.org/rows?sig={KEY}",
    "upper case": f"ROWS?KEY={KEY}",
    "encoded": f"rows%3Fkey%3D{KEY}",
    "bytes": URL.encode(),
    "a bytearray": bytearray(URL.encode()),
    "in a list": [URL],
    "in a tuple": (URL,),
    "a dataset's name": (None, URL, "Orders"),
    "a table's name": ("Sales", URL),
    "a workspace's name": (BARE, "Sales", "Orders"),
    "two of a tuple": (BARE, "Orders"),
    "bytes in a tuple": (URL.encode(), "Orders"),
    "in a tuple of tuples": ((URL,), "Orders"),
    "in a set": {URL},
    "in a dict": {"url": URL},
}


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(1, logger="powerbi_push")
    yield
    check(caplog.text, KEY)


def raised(call: Callable[[], object]) -> BaseException:
    """What a call raises; it must be ours, or a TypeError."""
    with pytest.raises((pbi.PowerBIPushError, TypeError)) as caught:
        call()
    return caught.value


def check_error(error: BaseException) -> None:
    check(everything_about(error), KEY)
    if isinstance(error, pbi.PowerBIPushError):
        check(pickle.dumps(error).decode("latin-1"), KEY)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_shows_no_key(powerbi: Emulator, target: Any) -> None:
    options: dict[str, Any] = {"credential": powerbi.credential, "base_url": powerbi.url}
    check_error(raised(lambda: pbi.push(orders(1), target, **options)))
    check_error(raised(lambda: pbi.push(orders(1), target, create=True, **options)))
    check_error(raised(lambda: asyncio.run(pbi.push_async(orders(1), target, **options))))
    assert all(KEY not in request.path + request.query for request in powerbi.requests)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_doctor_shows_no_key(powerbi: Emulator, target: Any) -> None:
    report = pbi.doctor(target, credential=powerbi.credential, base_url=powerbi.url)
    assert not report.ok
    check(str(report) + repr(report) + repr(report.checks) + report._repr_html_(), KEY)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_streaming_dataset_shows_no_key(target: Any) -> None:
    if target != TARGETS["a rows address elsewhere"]:  # which is a URL like any other
        check_error(raised(lambda: pbi.StreamingDataset(target)))
    check_error(raised(lambda: pbi.StreamingDataset("https://example.org", (target,))))  # type: ignore[arg-type]


AN_APP = "11111111-2222-3333-4444-555555555555"


def a_credential() -> pbi.ClientSecretCredential:
    return pbi.ClientSecretCredential("contoso.com", "11111111-2222-3333-4444-555555555555", "a secret")


def a_table(emulator: Emulator) -> pbi.Table:
    return make_table(emulator)


def a_stream(emulator: Emulator) -> pbi.StreamingDataset:
    return pbi.StreamingDataset(emulator.streaming_dataset("Plant", {"Id": int}))


def an_outbox() -> pbi.Outbox:
    with Emulator() as emulator, make_table(emulator).sender(outbox="rows.db"):
        return pbi.Outbox("rows.db")


WRONG: Any = URL
"""For arguments that are no text."""

PLACES: dict[str, Callable[[Emulator], object]] = {
    "rows": lambda it: pbi.push(WRONG, orders(1), credential=it.credential, base_url=it.url),  # type: ignore[arg-type]
    "cloud": lambda _: pbi.Client("a token", cloud=URL),
    "cloud of a push": lambda _: pbi.push(orders(1), "Sales/Orders", credential="a", cloud=URL),
    "base_url": lambda _: pbi.Client("a token", base_url=URL),
    "base_url of a push": lambda _: pbi.push(orders(1), "Sales/Orders", credential="a", base_url=URL),
    "base_url without a scheme": lambda _: pbi.Client("a token", base_url=BARE),
    "a user of base_url": lambda _: pbi.Client("a token", base_url=f"https://me:{KEY}@example.org"),
    "proxy": lambda it: pbi.Client("a token", proxy=f"http://me:{KEY}@[", base_url=it.url),
    "proxy of a stream": lambda _: pbi.StreamingDataset("https://example.org", proxy=f"http://me:{KEY}@["),
    "ca_bundle": lambda _: pbi.Client("a token", ca_bundle=URL),
    "ca_bundle of a stream": lambda _: pbi.StreamingDataset("https://example.org", ca_bundle=URL),
    "credential": lambda it: pbi.Client(WRONG.encode(), base_url=it.url),
    "workspace": lambda it: it.client().workspace(URL),
    "workspace_async": lambda it: asyncio.run(it.client().workspace_async(URL)),
    "workspace, bytes": lambda it: it.client().workspace(WRONG.encode()),
    "filter": lambda it: it.client().workspaces(WRONG.encode()),
    "filter of workspaces_async": lambda it: asyncio.run(it.client().workspaces_async(WRONG.encode())),
    "dataset": lambda it: it.client().dataset(URL),
    "dataset_async": lambda it: asyncio.run(it.client().dataset_async(BARE)),
    "dataset of a workspace": lambda it: it.client().my_workspace.dataset(URL),
    "dataset_async of a workspace": lambda it: asyncio.run(it.client().my_workspace.dataset_async(URL)),
    "table": lambda it: a_table(it).dataset.table(URL),
    "table, bytes": lambda it: a_table(it).dataset.table(WRONG.encode()),
    "schema of a table": lambda it: a_table(it).dataset.table("Orders", WRONG),
    "schema of a stream": lambda _: pbi.StreamingDataset("https://example.org", WRONG),
    "swapped": lambda _: pbi.StreamingDataset({"Id": int}, WRONG),  # type: ignore[arg-type]
    "tenant_id": lambda _: pbi.ClientSecretCredential(URL, "a", "b"),
    "client_id": lambda _: pbi.ClientSecretCredential("contoso.com", URL, "b"),
    "authority": lambda _: pbi.ClientSecretCredential("contoso.com", KEY, "b", authority=URL),
    "authority of the environment": lambda _: pbi.EnvironmentCredential(authority=URL),
    "certificate_path": lambda _: pbi.CertificateCredential("contoso.com", AN_APP, URL, password=KEY),
    "tenant_id of a certificate": lambda _: pbi.CertificateCredential(URL, AN_APP, "x.pem", password=KEY),
    "client_id of a code": lambda _: pbi.DeviceCodeCredential(URL, prompt=print),
    "tenant_id of a code": lambda _: pbi.DeviceCodeCredential(AN_APP, tenant_id=URL),
    "prompt": lambda _: pbi.DeviceCodeCredential(AN_APP, prompt=WRONG),
    "client_id of a browser": lambda _: pbi.InteractiveBrowserCredential(URL),
    "tenant_id of a browser": lambda _: pbi.InteractiveBrowserCredential(AN_APP, tenant_id=URL),
    "authority of a browser": lambda _: pbi.InteractiveBrowserCredential(AN_APP, authority=URL),
    "cache of a browser": lambda _: pbi.InteractiveBrowserCredential(AN_APP, cache=[WRONG]),  # type: ignore[arg-type]
    "cache of a code": lambda _: pbi.DeviceCodeCredential(AN_APP, cache=[WRONG]),  # type: ignore[arg-type]
    "cache": lambda _: pbi.logout([WRONG]),  # type: ignore[arg-type]
    "redirect_port": lambda _: pbi.InteractiveBrowserCredential(AN_APP, redirect_port=WRONG),
    "client_id of a machine": lambda _: pbi.ManagedIdentityCredential(client_id=URL),
    "tenant_id of az": lambda _: pbi.AzureCliCredential(tenant_id=URL),
    "tenant_id of a workload": lambda _: pbi.WorkloadIdentityCredential(tenant_id=URL),
    "client_id of a workload": lambda _: pbi.WorkloadIdentityCredential(
        tenant_id="contoso.com", client_id=URL, token_file_path="x"
    ),
    "authority of a chain": lambda _: pbi.DefaultAzureCredential(authority=WRONG.encode()),
    "path of an outbox": lambda _: pbi.Outbox(URL),
    "name of an outbox": lambda _: pbi.Outbox(f"rows.db?key={KEY}"),
    "outbox of a sender": lambda it: a_table(it).sender(outbox=f"no such folder/{BARE}"),
    "outbox of a stream's sender": lambda it: a_stream(it).sender(outbox=f"no such folder/{BARE}"),
    "source": lambda _: pbi.DatasetSchema.from_json(URL),
    "file of an export": lambda _: an_outbox().export(f"no such folder/{BARE}"),
    "rows of an export": lambda _: an_outbox().export("x", rows=WRONG),
    "on_full": lambda it: a_table(it).sender(on_full=WRONG),
    "nan": lambda it: a_table(it).push([], nan=WRONG),
    "convert of a push": lambda it: pbi.push([], a_table(it), convert=WRONG),
    "too_long of a schema": lambda _: pbi.TableSchema("T", {"a": int}).validate([], too_long=WRONG),
    "an option that there is not": lambda it: a_table(it).push([], url=WRONG),  # type: ignore[call-arg]
    "tenant_id of a token": lambda _: a_credential().get_token("a/.default", tenant_id=URL),
}


@pytest.mark.parametrize("misplace", PLACES.values(), ids=PLACES)
def test_a_key_at_a_wrong_place_is_shown_nowhere(powerbi: Emulator, misplace: Callable[[Emulator], object]) -> None:
    check_error(raised(lambda: misplace(powerbi)))


def test_a_name_is_still_shown(powerbi: Emulator) -> None:
    for name in ("What sold", "Sales?", "Q&A=1"):
        with pytest.raises(pbi.NotFoundError) as caught:
            powerbi.client().dataset(name)
        assert f"`{name}`" in str(caught.value)


def test_whatever_an_error_is_made_of_it_shows_no_key() -> None:
    for kind in (pbi.ConfigurationError, pbi.NotFoundError, pbi.OutboxError, pbi.ValidationError):
        error = kind(f"`{BARE}` is no dataset")
        check(str(error) + repr(error) + repr(error.args), KEY)
        assert "is no dataset" in error.message


HOLDERS: dict[str, Callable[[Emulator], Any]] = {
    "a token": lambda _: pbi.AccessToken(KEY, 5),
    "a client": lambda emulator: emulator.client(credential=KEY),
    "a workspace": lambda emulator: emulator.client(credential=KEY).my_workspace,
    "a stream": lambda emulator: pbi.StreamingDataset(f"{emulator.url}/beta/a/datasets/b/rows?key={KEY}"),
    "a client's secret": lambda _: pbi.ClientSecretCredential(
        "contoso.com", "11111111-2222-3333-4444-555555555555", KEY
    ),
    "a code's credential": lambda _: pbi.DeviceCodeCredential(AN_APP, prompt=lambda *_: KEY),
    "a browser's credential": lambda _: pbi.InteractiveBrowserCredential(AN_APP),
    "a machine's identity": lambda _: pbi.ManagedIdentityCredential(),
    "a workload's identity": lambda _: pbi.WorkloadIdentityCredential(
        tenant_id="contoso.com", client_id=AN_APP, token_file_path=KEY
    ),
    "az": lambda _: pbi.AzureCliCredential(),
    "a chain": lambda _: pbi.DefaultAzureCredential(),
    "a box": lambda _: Hidden(KEY),
    "an emulator": lambda emulator: emulator,
    "an emulator's credential": lambda emulator: emulator.credential,
}


@pytest.mark.parametrize("make", HOLDERS.values(), ids=HOLDERS)
def test_what_holds_a_secret_shows_none_and_cannot_be_pickled(powerbi: Emulator, make: Callable[..., Any]) -> None:
    held = make(powerbi)
    check(f"{held!r} {held} {held!s}", KEY)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(held, protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(held)


def test_a_token_cannot_be_copied() -> None:
    for token in (pbi.AccessToken(KEY, 5), a_credential()):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            copy.copy(token)


CLASSES = [
    value
    for name in dir(pbi)
    if isinstance(value := getattr(pbi, name), type) and value is not pbi.AccessToken and not is_typeddict(value)
] + [Emulator, MicroStrategy, Hidden]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_an_object_that_is_not_finished_can_be_shown(cls: Any) -> None:
    made = cls.__new__(cls)
    assert cls.__name__ in repr(made) or isinstance(made, Hidden)
    if hasattr(cls, "_repr_html_"):
        assert made._repr_html_() == f"{cls.__name__}(unfinished)"
    if isinstance(made, BaseException):
        assert str(made) == ""
    assert pbi.AccessToken("a", 5) == ("a", 5)


def test_objects_that_hold_anything_can_be_shown() -> None:
    nothing: Any = None
    assert repr(pbi.Report(nothing)) == "Report(unfinished)"
    assert pbi.PushResult(read=nothing)._repr_html_() == "PushResult(unfinished)"


def test_what_could_not_be_made_does_not_break_a_traceback() -> None:
    for make in (
        lambda: pbi.Client(5),
        lambda: pbi.StreamingDataset("x"),
        lambda: pbi.TableSchema("Orders", ["a"]),  # type: ignore[list-item]
        lambda: pbi.DatasetSchema("d", [5]),  # type: ignore[list-item]
        lambda: pbi.ClientSecretCredential("", "", ""),
        lambda: pbi.Outbox(5),  # type: ignore[arg-type]
    ):
        shown = everything_about(raised(make))
        assert "repr() failed" not in shown
        assert "(unfinished)" in shown
