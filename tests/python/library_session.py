"""A session of a MicroStrategy Library server, as another program would speak to it."""

from __future__ import annotations

import json
from base64 import b64encode
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

from raw_http import exchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powerbi_push.emulator import MicroStrategy
    from raw_http import Reply

PROJECT = "B7CA92F04B9FAE8D941C3E9B7E0CD754"

NO_OBJECT = (404, "ERR004", "The object does not exist in the metadata.")
"""The refusal of what is not there."""


class LibrarySession:
    """Cookies and a token; every request brings them."""

    def __init__(self, server: MicroStrategy, *, project: str | None = PROJECT) -> None:
        self.server = server
        self.jar = CookieJar()
        self.opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self.jar))
        self.headers = {} if project is None else {"X-MSTR-ProjectID": project}

    def send(
        self, method: str, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send bytes to a path below the application."""
        url = f"{self.server.base_url}{path}"
        request = Request(url, data, {**self.headers, **(headers or {})}, method=method)  # noqa: S310 - loopback
        return exchange(self.opener, request)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """Send JSON to a path below `/api`."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if body is not None else {}
        return self.send(method, f"/api{path}", data, sent | headers)

    def login(self, *, form: bool = False, **fields: Any) -> Reply:
        """Log in, as the emulator's user unless told otherwise."""
        fields = {"loginMode": 1, "username": self.server.username, "password": self.server.password} | fields
        if form:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            reply = self.send("POST", "/api/auth/login", urlencode(fields).encode(), kind)
        else:
            reply = self.ask("POST", "/auth/login", fields)
        if "x-mstr-authtoken" in reply.headers:
            self.headers["X-MSTR-AuthToken"] = reply.headers["x-mstr-authtoken"]
        return reply

    def publish(self, upload: str) -> Any:
        """Publish an upload session and give the last status."""
        assert self.ask("POST", f"{upload}/publish").status == 200
        status = {"status": 6}
        while status["status"] == 6:
            status = self.ask("GET", f"{upload}/publishStatus").json
        return status

    def start(self, dataset: str, table: str = "T", policy: str = "replace", **more: Any) -> str:
        """Begin an upload session and give its path."""
        tables = [{"name": table, "updatePolicy": policy, **more}]
        reply = self.ask("POST", f"/datasets/{dataset}/uploadSessions", {"tables": tables})
        assert reply.status == 200, reply.text
        return f"/datasets/{dataset}/uploadSessions/{reply.json['uploadSessionId']}"

    def put(self, upload: str, data: object, index: object = 1, table: str = "T") -> Reply:
        """Send a chunk."""
        return self.ask("PUT", upload, {"tableName": table, "index": index, "data": coded(data)})

    def load(self, dataset: str, rows: object, policy: str = "replace", **more: Any) -> Any:
        """Upload and publish rows of the table T."""
        upload = self.start(dataset, policy=policy, **more)
        assert self.put(upload, rows).status == 200
        return self.publish(upload)

    def define(self, columns: Mapping[str, str], *keys: str, name: str = "D", table: str = "T") -> str:
        """Define a dataset of one table with these key attributes, and give its id."""
        reply = self.ask("POST", "/datasets/models", model(columns, *keys, name=name, table=table))
        assert reply.status == 200, reply.text
        return str(reply.json["id"])


def coded(data: object) -> str:
    """Give the Base64 of JSON; bytes are taken as they are."""
    return b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).decode()


def model(columns: Mapping[str, str], *keys: str, name: str = "D", table: str = "T") -> dict[str, Any]:
    """Give the definition of a dataset as the family of several requests writes it."""

    def expressions(column: str) -> list[dict[str, str]]:
        return [{"tableName": table, "columnName": column}]

    return {
        "name": name,
        "tables": [{"name": table, "columnHeaders": [{"name": k, "dataType": v} for k, v in columns.items()]}],
        "metrics": [{"name": k, "expressions": expressions(k)} for k in columns if k not in keys],
        "attributes": [
            {"name": k, "attributeForms": [{"category": "ID", "expressions": expressions(k)}]} for k in keys
        ],
    }
