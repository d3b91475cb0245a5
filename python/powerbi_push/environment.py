"""What the environment says: whether this process is to talk to an emulator instead of the service."""

from __future__ import annotations

import json
import os

from powerbi_push import _core

#: Sends every client that is not told otherwise to the emulator at this address.
VARIABLE = "POWERBI_PUSH_EMULATOR"


def emulator_url() -> str | None:
    """Say where the emulator is that this process is to use.

    Raises:
        ConfigurationError: The address is not one of this machine.
    """
    return _core.emulator_url()


def token_is_set() -> bool:
    """Say whether the environment holds a token."""
    return bool(os.environ.get("POWERBI_PUSH_TOKEN", "").strip())


class EmulatorSignIn:
    """Asks the emulator at an address for tokens; it gives them to whoever reaches this machine's loopback."""

    def __init__(self, url: str) -> None:
        """Take the address; nothing is sent."""
        self._url = url

    def get_token(self, *_scopes: str) -> tuple[str, int]:
        """Ask for a token."""
        # Imported here: only programs under test pay for it. No proxy stands between a process and its own machine.
        from urllib.request import ProxyHandler, Request, build_opener  # noqa: PLC0415

        request = Request(f"{self._url}/emulator/token", method="POST")  # noqa: S310 - the scheme was checked
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            given = json.load(answer)
        return given["token"], given["expires_on"]
