"""The options of a Spark writer: texts that everybody sees, judged at the driver."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.calls.options import DEFAULTS, PushOptions
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.powerbi.client import Client
from powerbi_push.powerbi.quotas import Quotas
from powerbi_push.powerbi.targets import stream
from powerbi_push.schema.table import as_table_schema
from powerbi_push.spark.sign_in import check_name, is_place
from powerbi_push.tracebacks import Hidden, frameless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from powerbi_push.schema.table import TableSchema

#: Options of a push that a writer takes as texts; a function cannot be one.
_PUSHES = {name: default for name, default in DEFAULTS[PushOptions].items() if name != "progress"}
_OWN = ("target", "credential", "client_id", "cloud", "base_url", "schema", "share", "quotas", "history")
_MORE = ("id_column", "results")
#: What Spark adds of its own.
_SPARKS = ("checkpointlocation", "path", "queryname", "outputmode")
#: Names of options that would hold a secret.
_SECRET = re.compile("secret|password|token|apikey|access_?key|push_?url|certificate")
_FLAGS = {"true": True, "false": False}
_WHOLE = {"pro": Quotas(), "free": Quotas(rows_per_hour=10_000)}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a writer is told. It travels to the executors, and holds no secret.

    Attributes:
        target: As for a push; or ``variable:NAME``, ``file:/path`` or ``call:...``: where an executor finds a push URL.
        credential: The name of a sign-in.
        client_id: Which of several identities of a machine.
        cloud: As for `Client`.
        base_url: As for `Client`.
        schema: What the rows look like; None where that is not known.
        share: Which part of the quotas each task may take; None where there is only one.
        quotas: ``"pro"``, ``"free"``, or None for nothing.
        history: As for `StreamingDataset`.
        id_column: The column of text that takes the id of each row; None for none.
        results: A file at the driver that takes a line of JSON for each commit; None for none.
        emulator: The address of the emulator that takes everything; None for the service.
        pushes: The options of a push.
    """

    target: str
    credential: str = "default"
    client_id: str | None = None
    cloud: str = "public"
    base_url: str | None = None
    schema: TableSchema | None = None
    share: Fraction | None = None
    quotas: str | None = "pro"
    history: bool = False
    id_column: str | None = None
    results: str | None = None
    emulator: str | None = None
    pushes: dict[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> Quotas | None:
        """The quotas that each task keeps."""
        if self.quotas is None:
            return None
        whole, share = _WHOLE[self.quotas], self.share or Fraction(1)
        return Quotas(
            requests_per_second=_part(whole.requests_per_second, share),
            requests_per_minute=_part(whole.requests_per_minute, share),
            rows_per_hour=_part(whole.rows_per_hour, share),
            large_table_requests_per_hour=_part(whole.large_table_requests_per_hour, share),
            in_flight=_part(whole.in_flight, share) or 1,
        )


def _part(whole: int | None, share: Fraction) -> int | None:
    return None if whole is None else max(1, int(whole * share))


@frameless
def read_settings(options: Mapping[str, str]) -> Settings:
    """Read the options of a writer.

    Raises:
        ConfigurationError: There is no such option, it says nothing sensible, or it would hold a secret.
    """
    given = {name.lower(): value for name, value in options.items() if name.lower() not in _SPARKS}
    for name, value in given.items():
        _check_name(name)
        if _core.holds_key(value):
            msg = f"the option `{name}` holds what looks like a key, and options are seen by everybody"
            raise ConfigurationError(msg, hint='for a push URL: target = "file:/path" or "variable:NAME"')
    if not given.get("target"):
        msg = "the option `target` is missing"
        raise ConfigurationError(msg, hint='.option("target", "Workspace/Dataset/Table"); for a push URL file:/path')
    own: dict[str, Any] = {name: given[name] for name in (*_OWN, *_MORE) if name in given}
    _check_target(own["target"])
    check_name(own.get("credential", "default"))
    pushes = {name: _value(name, _PUSHES[name], text) for name, text in given.items() if name in _PUSHES}
    if "schema" in own:
        own["schema"] = _schema(own["schema"])
    _core.check_row_options(pushes, own.get("schema") is not None)
    # A client judges where it is to go, and no other: an address with a password is not to travel.
    Client(lambda: "", cloud=own.get("cloud", "public"), base_url=own.get("base_url")).close()
    for name, reading in (("share", _share), ("quotas", _quotas), ("history", _flag), ("results", _results)):
        if name in own:
            own[name] = reading(name, own[name])
    return Settings(**own, pushes=pushes)


def _check_name(name: str) -> None:
    if _SECRET.search(name):
        msg = f"`{name}` is no option: options are seen by everybody who sees the plan"
        raise ConfigurationError(msg, hint='name a sign-in: .option("credential", "variable:POWERBI_PUSH_TOKEN")')
    known = (*_OWN, *_MORE, *_PUSHES)
    if name not in known:
        nearest = get_close_matches(name, known, 1)
        advice = f"did you mean `{nearest[0]}`?" if nearest else f"the options are {', '.join(known)}"
        msg = f"the writer has no option `{_core.without_keys(name)}`"
        raise ConfigurationError(msg, hint=advice)


def _check_target(target: str) -> None:
    if not is_place(target) and stream(Hidden(target), Hidden(None)) is not None:
        msg = "the option `target` is an address that may be a push URL, which is a secret"
        raise ConfigurationError(msg, hint='say where the executors find it: "file:/path" or "variable:NAME"')


def _value(name: str, default: Any, text: str) -> Any:
    """Read the value of an option of a push."""
    if isinstance(default, bool):
        return _flag(name, text)
    if name in {"max_errors", "timeout"}:
        number = int if name == "max_errors" else float
        try:
            return number(text)
        except ValueError:
            msg = f"`{name}` takes a number, not {_core.without_keys(repr(text))}"
            raise ConfigurationError(msg) from None
    return text


def _flag(name: str, text: str) -> bool:
    if text.lower() not in _FLAGS:
        msg = f'`{name}` takes "true" or "false", not {_core.without_keys(repr(text))}'
        raise ConfigurationError(msg)
    return _FLAGS[text.lower()]


def _quotas(name: str, text: str) -> str | None:
    word = _core.check_word(name, text, ["pro", "free", "none"])
    return None if word == "none" else word


def _results(name: str, text: str) -> str:
    """See at the driver whether the file can be made: a commit comes too late to say so."""
    path = Path(text)
    if not path.is_absolute() or not path.parent.is_dir() or path.is_dir():
        msg = f"`{name}` takes the whole path of a file in a folder that the driver has, not {text!r}"
        raise ConfigurationError(msg, hint="Spark's own processes have another working folder than your program")
    return text


def _share(name: str, text: str) -> Fraction:
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not 0 < share <= 1:
        shown = _core.without_keys(repr(text))
        msg = f'`{name}` takes a part of the quotas above 0 and at most 1, such as "1/4", not {shown}'
        raise ConfigurationError(msg, hint="where 4 tasks write at once, each may take 1/4")
    return share


def _schema(text: str) -> TableSchema | None:
    try:
        columns = json.loads(text)
    except ValueError:
        columns = None
    if not isinstance(columns, dict):
        msg = "`schema` takes the columns as a JSON object of names and data types"
        raise ConfigurationError(msg, hint='.option("schema", \'{"Id": "Int64", "Item": "String"}\')')
    return as_table_schema("rows", Hidden(columns))
