"""A person with a browser at the pages of the local Microsoft Entra: reads what they show, and clicks."""

from __future__ import annotations

import ssl
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator


class Page(HTMLParser):
    """What a page holds: its text, and its one form."""

    def __init__(self, url: str, text: str) -> None:
        """Read it."""
        super().__init__()
        self.url = url
        self.text = ""
        self.method = "get"
        self.action = url.partition("?")[0]
        self.fields: dict[str, str] = {}
        self.buttons: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, fields and buttons."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.method = given.get("method", "get")
            self.action = urljoin(self.url, given.get("action", self.action))
        elif tag == "input":
            self.fields[given["name"]] = given.get("value", "")
        elif tag == "button" and "value" in given:
            self.buttons[given["value"]] = given["name"]

    def handle_data(self, data: str) -> None:
        """Note what is shown."""
        self.text += data


class _Stay(HTTPRedirectHandler):
    """A redirect is an answer like any other."""

    def redirect_request(self, *_: Any) -> None:
        """Go nowhere."""


class Person:
    """Somebody who trusts an emulator."""

    def __init__(self, emulator: Emulator) -> None:
        """Nothing is opened yet."""
        trusts = ssl.create_default_context(cafile=emulator.ca_bundle)
        self._opener = build_opener(ProxyHandler({}), HTTPSHandler(context=trusts), _Stay())

    def open(self, url: str, posted: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Open an address: the status, where it leads, and what it shows."""
        request = Request(url, data=urlencode(posted).encode() if posted is not None else None)  # noqa: S310
        try:
            answer = self._opener.open(request, timeout=20)
        except HTTPError as refused:
            answer = refused
        with answer:
            return answer.status, answer.headers.get("Location", ""), answer.read().decode()

    def page(self, url: str) -> Page:
        """Open a page."""
        return Page(url, self.open(url)[2])

    def click(self, page: Page, button: str, **entered: str) -> tuple[int, str, str]:
        """Fill in the form, and click a button."""
        fields = {**page.fields, **entered, page.buttons[button]: button}
        return self.open(f"{page.action}?{urlencode(fields)}")

    def sign_in(self, url: str, button: str = "accept") -> str:
        """Do what the page of a sign-in asks for, and go where it leads; what is shown there."""
        status, target, text = self.click(self.page(url), button)
        if status == 200:  # the page posts a form to where it leads
            form = Page(url, text)
            return self.open(form.action, form.fields)[2]
        return self.open(target)[2]

    def enter(self, url: str, code: str, button: str = "accept") -> str:
        """Enter the code of a device on its page; what is shown in the end."""
        first = self.page(url)
        asked = self.click(first, "next", code=code)[2]
        return Page(url, self.click(Page(first.url, asked), button)[2]).text


def as_browser(folder: Path, button: str = "accept") -> str:
    """A command for the variable BROWSER: a browser in which this person clicks a button of the page."""
    script = folder / "browser.py"
    script.write_text(
        f"import sys\nsys.path[:0] = {[str(Path(__file__).parent)]!r}\n"
        "import types\nfrom person import Person\n"
        f"Person(types.SimpleNamespace(ca_bundle=None)).sign_in(sys.argv[1], {button!r})\n",
        encoding="utf-8",
    )
    return f"{sys.executable} {script} %s"
