"""Five secrets go through every way to sign in, while everything is logged and much goes wrong: nobody finds one.

Looked through are stdout, stderr, logs, tracebacks with our own local variables, pickles, outboxes and whatever other
users could read, for each secret as it is, quoted for a URL, in Base64, and as JSON writes it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import pickle
import stat
import sys
import webbrowser
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest

import powerbi_push as pbi
from canaries import everything_about
from certificates import pair
from conftest import QUICK, orders
from entra_server import CLIENT_ID, TENANT, EntraServer, Said, SignIn
from fault_server import FaultServer, http
from raw_http import submit
from test_browser_sign_in import Page
from test_credentials import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


SCOPE = SCOPES["public"]
#: What an app shows, what fetches the next token, what goes to the service, what opens a key, and what is good once.
SECRET = 'Zq8~canary-secret+"/\\=1'
REFRESH = "Zq8.canary-refresh+/='2"
ACCESS = "Zq8canaryaccess-._~3"
PASSWORD = "Zq8 canary password ü&4"
CODE = "Zq8.canary-code/+%5"
SECRETS = (SECRET, REFRESH, ACCESS, PASSWORD, CODE)


def forms(secret: str) -> set[bytes]:
    """A secret in whatever form it could be written."""
    found = {secret, repr(secret)[1:-1], quote(secret), quote(secret, safe=""), quote_plus(secret)}
    found |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    for start in range(3):  # wherever in a longer text it begins
        coded = base64.b64encode(b"x" * start + secret.encode()).decode()
        found |= {coded[4:-4], coded[4:-4].replace("+", "-").replace("/", "_")}
    return {form.encode() for form in found}


def found_in(text: bytes) -> list[str]:
    return [secret for secret in SECRETS if any(form in text for form in forms(secret))]


def test_what_looks_for_secrets_finds_them() -> None:
    for secret in SECRETS:
        coded = base64.b64encode(f"Basic {secret}".encode())
        for text in (secret.encode(), quote(secret, safe="").encode(), coded, json.dumps({"a": secret}).encode()):
            assert found_in(b"before " + text + b" after") == [secret], text
    assert found_in(b"nothing") == []


def granted() -> Said:
    said = {"token_type": "Bearer", "expires_in": "3599", "access_token": ACCESS, "refresh_token": REFRESH}
    return Said(200, json.dumps(said).encode())


class Echo(EntraServer):
    """Repeats in its refusals whatever it was told."""

    def _answer(self, asked: SignIn) -> tuple[Said, bytes]:
        said, body = super()._answer(asked)
        told = [
            *asked.form.values(),
            asked.headers.get("x-identity-header", ""),
            asked.headers.get("authorization", ""),
        ]
        repeated = " ".join(f"{value} {quote(value, safe='')} {quote(value)}" for value in told)
        for mark in ("told", "garbage"):
            text = json.dumps(repeated)[1:-1] if mark == "told" else repeated
            body = body.replace(f"<{mark}>".encode(), text.encode())
        return said, body


ANSWERS: dict[str, list[Said]] = {
    "granted": [granted()],
    "refused": [Said(401, b'{"error": "<told>", "error_description": "AADSTS1: <told>", "trace_id": "<told>"}')],
    "garbage": [Said(200, b"<garbage>")],
}


@pytest.mark.parametrize("answers", ["refused", "garbage"])
def test_the_server_repeats_what_it_was_told(answers: str) -> None:
    with Echo(*ANSWERS[answers]) as entra:
        told = submit(f"{entra.authority}/{TENANT}/oauth2/v2.0/token", {"client_secret": SECRET})
    assert found_in(told.text.encode()) == [SECRET]


class _Setup:
    """Everything that a way to sign in needs, with a canary in each place."""

    def __init__(self, entra: EntraServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entra, self.folder, self.set = entra, folder, monkeypatch.setenv
        self.cache = folder / "mine" / "sign-ins"
        monkeypatch.setattr(webbrowser, "open", lambda url: bool(Page(url).come_back(code=CODE)))

    @property
    def app(self) -> dict[str, Any]:
        return {"tenant_id": TENANT, "client_id": CLIENT_ID, "authority": self.entra.authority}

    def secret(self) -> Any:
        return pbi.ClientSecretCredential(client_secret=SECRET, **self.app)

    def certificate(self) -> Any:
        path = self.folder / "app.pem"
        path.write_bytes(pair().key_pem(PASSWORD) + pair().certificate_pem)
        path.chmod(0o600)
        return pbi.CertificateCredential(certificate_path=path, password=PASSWORD, **self.app)

    def device(self) -> Any:
        return pbi.DeviceCodeCredential(prompt=lambda *_: None, cache=self.cache, **self.app)

    def browser(self) -> Any:
        return pbi.InteractiveBrowserCredential(cache=self.cache, **self.app)

    def workload(self) -> Any:
        file = self.folder / "token"
        file.write_text(SECRET)
        file.chmod(0o600)
        return pbi.WorkloadIdentityCredential(token_file_path=file, **self.app)

    def github(self) -> Any:
        self.set("ACTIONS_ID_TOKEN_REQUEST_URL", f"{self.entra.authority}/x?key={quote(CODE)}")
        self.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "Zq8canaryaccess-._~3")
        return pbi.WorkloadIdentityCredential(**self.app)

    def machine(self) -> Any:
        self.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", self.entra.authority)
        return pbi.ManagedIdentityCredential()

    def app_service(self) -> Any:
        self.set("IDENTITY_ENDPOINT", f"{self.entra.authority}/msi/token")
        self.set("IDENTITY_HEADER", ACCESS)
        return pbi.ManagedIdentityCredential()

    def az(self) -> Any:
        program = self.folder / "az"
        program.write_text(f"#!{sys.executable}\nprint({json.dumps({'accessToken': ACCESS})!r})\n")
        program.chmod(0o700)
        self.set("PATH", str(self.folder))
        return pbi.AzureCliCredential()

    def environment(self) -> Any:
        self.set("AZURE_TENANT_ID", TENANT)
        self.set("AZURE_CLIENT_ID", CLIENT_ID)
        self.set("AZURE_CLIENT_SECRET", SECRET)
        return pbi.EnvironmentCredential(authority=self.entra.authority)

    def default(self) -> Any:
        self.environment()
        return pbi.DefaultAzureCredential(authority=self.entra.authority)

    def login(self) -> Any:
        """Whoever has signed in before."""
        self.set("XDG_STATE_HOME", str(self.folder))
        place = self.folder / "powerbi-push"
        place.mkdir(mode=0o700)
        kept = {"tenant": TENANT, "client": CLIENT_ID, "authority": f"{self.entra.authority}/", "scope": SCOPE}
        content = {"about": "", "version": 1, "sign_ins": [{**kept, "refresh_token": REFRESH}]}
        (place / "sign-ins.json").write_text(json.dumps(content))
        (place / "sign-ins.json").chmod(0o600)
        return pbi.DefaultAzureCredential(authority=self.entra.authority)

    def string(self) -> Any:
        return ACCESS

    def function(self) -> Any:
        return lambda: (ACCESS, 2**40)


WAYS: dict[str, Callable[[_Setup], Any]] = {
    name: way for name, way in vars(_Setup).items() if not name.startswith("_") and callable(way)
}


class _Overheard:
    """Whatever comes out of a test, at the most talkative level."""

    def __init__(self, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self._written, self._logged = capfd, caplog
        self.seen: list[str] = []
        for name in ("", "powerbi_push", "asyncio", "azure", "msal", "urllib3"):
            caplog.set_level(1, name)

    def attempt(self, work: Callable[[], Any]) -> None:
        """Keep what it gives, or everything about what it raises."""
        try:
            answer = work()
            self.seen += ["" if isinstance(answer, pbi.AccessToken) else str(answer), repr(answer)]
        except (pbi.PowerBIPushError, TypeError, ValueError) as error:
            self.seen += [everything_about(error), pickle.dumps(error).decode("latin-1")]

    def everything(self) -> bytes:
        """All of it."""
        logs = [record.getMessage() + str(record.args) + str(record.exc_text) for record in self._logged.records]
        return "\n".join([*self.seen, *self._written.readouterr(), *logs]).encode()


@pytest.fixture
def overheard(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> _Overheard:
    return _Overheard(capfd, caplog)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("virtual")
@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_secret_is_found_anywhere(
    way: Callable[[_Setup], Any],
    answers: list[Said],
    overheard: _Overheard,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [device_code(), *answers] if way is _Setup.device else answers
    repeated = f"{ACCESS} {quote(ACCESS, safe='')}"
    refusing = http(401, f'{{"message": "{repeated}"}}'.encode(), WWW_Authenticate=f"Bearer error={repeated}")
    with Echo(*answers) as entra, FaultServer(refusing, http(200)) as server:
        one = way(_Setup(entra, tmp_path, monkeypatch))

        def table() -> pbi.Table:
            return server.table(credential=one, retry=QUICK)

        overheard.attempt(lambda: table().push(orders(2)))
        overheard.attempt(lambda: asyncio.run(table().push_async(orders(2))))
        overheard.attempt(lambda: send(table(), tmp_path / "rows.db"))
        overheard.attempt(lambda: pbi.doctor(credential=one, base_url=server.url))
        if hasattr(one, "get_token"):
            overheard.attempt(lambda: one.get_token(SCOPE, claims="{}"))
            overheard.attempt(lambda: one.get_token("wrong", tenant_id=SECRET))
            overheard.seen += [repr(one), repr(vars(one))]
    readable = [path for path in tmp_path.rglob("*") if path.is_file() and others_can_read(path, tmp_path)]
    files = [path.read_bytes() for path in {*readable, *tmp_path.glob("rows.db*")}]
    assert found_in(overheard.everything()) == []
    assert found_in(b"\n".join(files)) == []


def device_code() -> Said:
    said = {"device_code": CODE, "user_code": "ABCD1234", "verification_uri": "https://microsoft.com/devicelogin"}
    return Said(200, json.dumps({**said, "expires_in": 900, "interval": 5}).encode())


def send(table: pbi.Table, outbox: Path) -> Any:
    def note(error: Exception) -> None:
        logging.getLogger("test").error("%r %s", error, error)

    with table.sender(outbox=outbox, on_error=note) as sender:
        sender.send({"Id": 1})
        return sender.flush(1)


def others_can_read(path: Path, folder: Path) -> bool:
    """Whether another user of this machine can open a file below a folder that everybody can enter."""
    above = [parent for parent in path.parents if parent.is_relative_to(folder) and parent != folder]
    closed = any(not stat.S_IMODE(parent.stat().st_mode) & stat.S_IXOTH for parent in above)
    return not closed and bool(stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH)
