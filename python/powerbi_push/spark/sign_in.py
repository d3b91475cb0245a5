"""Sign-ins by name: what an option of Spark may say, and what an executor makes of it."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from powerbi_push.calls.arguments import refuse
from powerbi_push.credentials.azure_cli import AzureCliCredential
from powerbi_push.credentials.environment import EnvironmentCredential
from powerbi_push.credentials.managed_identity import ManagedIdentityCredential
from powerbi_push.credentials.workload_identity import WorkloadIdentityCredential
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable

_HINT = (
    "options are seen by everybody who sees the plan, so that `credential` is a name: default, environment, "
    "managed_identity, workload_identity, azure_cli, variable:NAME, file:/path or call:package.module.function"
)
#: Spark masks what `spark.redaction.regex` names: secret, password, token, access key.
_NOT_SET = (
    "have the cluster set it from its secrets, or spark-env.sh; what spark.executorEnv sets stands in clear in Spark's "
    "event log and pages, unless TOKEN, SECRET or PASSWORD is part of the variable's name. Or name a file:/path"
)
_KINDS: dict[str, Callable[[], object]] = {
    "default": lambda: None,
    "environment": EnvironmentCredential,
    "managed_identity": ManagedIdentityCredential,
    "workload_identity": WorkloadIdentityCredential,
    "azure_cli": AzureCliCredential,
}
#: Where a name leads that has something behind its colon; a target leads to a push URL there.
_PLACES = ("variable", "file", "call")


def check_name(name: str) -> None:
    """See whether a sign-in has this name. A name that is none may be a secret, and is not shown.

    Raises:
        ConfigurationError: It is no name of a sign-in.
    """
    if name not in _KINDS and not is_place(name):
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
    if is_place(name):
        # A token is read each time that one is asked for: whoever mounts secrets exchanges them.
        return (lambda: _text(place)) if kind == "file" else _found(kind, place)
    if kind == "managed_identity":
        return ManagedIdentityCredential(client_id=client_id)
    return _KINDS[kind]()


def is_place(name: str) -> bool:
    """Whether a name says where something is that must not be shown."""
    kind, _, place = name.partition(":")
    return kind in _PLACES and bool(place)


def push_url(target: str) -> Hidden[Any]:
    """Find the push URL that a target says the place of, on the machine that sends.

    Raises:
        ConfigurationError: It is not there.
    """
    kind, _, place = target.partition(":")
    found = Hidden(_found(kind, place))
    if not isinstance(found.value, str):
        refuse("target", "the place of a push URL", found.value)
    return Hidden(found.value.strip())


def _found(kind: str, place: str) -> Any:
    return {"variable": _variable, "file": _text, "call": _called}[kind](place)


def _variable(name: str) -> str:
    """Read an environment variable of the machine that sends.

    Raises:
        ConfigurationError: It is not set there.
    """
    value = os.environ.get(name, "")
    if not value.strip():
        msg = f"the environment variable `{name}` is not set on the machine that sends"
        raise ConfigurationError(msg, hint=_NOT_SET)
    return value


def _text(path: str) -> str:
    """Read a file of the machine that sends."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        msg = f"the file `{path}` cannot be read on the machine that sends: {error.strerror}"
        raise ConfigurationError(msg) from None


def _called(place: str) -> object:
    """Call a function of a module, which answers what `Client` takes for a credential, or a push URL."""
    module, _, name = place.rpartition(".")
    try:
        function = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        msg = f"`{place}` names no function of a module that can be imported on the machine that sends"
        raise ConfigurationError(msg, hint="install its package on the executors, or add it with addPyFile") from None
    return function()
