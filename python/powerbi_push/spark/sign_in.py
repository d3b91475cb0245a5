"""Sign-ins by name: what an option of Spark may say, and what an executor makes of it."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from powerbi_push.credentials.azure_cli import AzureCliCredential
from powerbi_push.credentials.environment import EnvironmentCredential
from powerbi_push.credentials.managed_identity import ManagedIdentityCredential
from powerbi_push.credentials.workload_identity import WorkloadIdentityCredential
from powerbi_push.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

_HINT = (
    "options are seen by everybody who sees the plan, so that `credential` is a name: default, environment, "
    "managed_identity, workload_identity, azure_cli, variable:NAME, file:/path or call:package.module.function"
)
_KINDS: dict[str, Callable[[], object]] = {
    "default": lambda: None,
    "environment": EnvironmentCredential,
    "managed_identity": ManagedIdentityCredential,
    "workload_identity": WorkloadIdentityCredential,
    "azure_cli": AzureCliCredential,
}
#: Where a name leads that has something behind its colon.
_PLACES = ("variable", "file", "call")


def check_name(name: str) -> None:
    """See whether a sign-in has this name. A name that is none may be a secret, and is not shown.

    Raises:
        ConfigurationError: It is no name of a sign-in.
    """
    kind, _, place = name.partition(":")
    if name not in _KINDS and not (kind in _PLACES and place):
        msg = "the option `credential` is no name of a sign-in, and is not shown because it may be a secret"
        raise ConfigurationError(msg, hint=_HINT)


def sign_in(name: str, client_id: str | None) -> object:
    """Find, on the machine that sends, what a name means.

    Args:
        name: The name.
        client_id: Which of several identities of a machine.

    Raises:
        ConfigurationError: What the name leads to is not there.
    """
    check_name(name)
    kind, _, place = name.partition(":")
    if kind == "variable":
        return variable(place)
    if kind == "file":
        return lambda: _text(place)
    if kind == "call":
        return _called(place)
    if kind == "managed_identity":
        return ManagedIdentityCredential(client_id=client_id)
    return _KINDS[kind]()


def variable(name: str) -> str:
    """Read an environment variable of the machine that sends.

    Raises:
        ConfigurationError: It is not set there.
    """
    value = os.environ.get(name, "")
    if not value.strip():
        msg = f"the environment variable `{name}` is not set on the machine that sends"
        raise ConfigurationError(msg, hint=f"set spark.executorEnv.{name}, or have the cluster set it from its secrets")
    return value


def _text(path: str) -> str:
    """Read a token each time that one is asked for: whoever mounts secrets exchanges them."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        msg = f"the token file `{path}` cannot be read on the machine that sends: {error.strerror}"
        raise ConfigurationError(msg) from None


def _called(place: str) -> object:
    """Call a function of a module, which answers what `Client` takes for a credential."""
    module, _, name = place.rpartition(".")
    try:
        function = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        msg = f"`{place}` names no function of a module that can be imported on the machine that sends"
        raise ConfigurationError(msg, hint="install its package on the executors, or add it with addPyFile") from None
    return function()
