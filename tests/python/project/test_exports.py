"""What `import powerbi_push` gives: names, docstrings, exceptions, and nothing that was not asked for."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import json
import logging
import os
import pickle
import pkgutil
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

import powerbi_push
from powerbi_push import PushResult, RowError
from powerbi_push.lazily import Lazily

ROOT = powerbi_push.PowerBIPushError
# name: its bases, as section "Errors" of the interface draws them
BASES = {
    "PowerBIPushError": (Exception,),
    "ConfigurationError": (ROOT, ValueError),
    "ValidationError": (ROOT, ValueError),
    "SourceError": (ROOT,),
    "ServiceError": (ROOT,),
    "AuthenticationError": (powerbi_push.ServiceError,),
    "PermissionDeniedError": (powerbi_push.ServiceError,),
    "NotFoundError": (powerbi_push.ServiceError,),
    "RateLimitedError": (powerbi_push.ServiceError,),
    "PayloadTooLargeError": (powerbi_push.ServiceError,),
    "FeatureRetiredError": (powerbi_push.ServiceError,),
    "SequenceConflictError": (powerbi_push.ServiceError,),
    "TransportError": (ROOT, ConnectionError),
    "TransportTimeoutError": (powerbi_push.TransportError, TimeoutError),
    "DeadlineError": (ROOT, TimeoutError),
    "InDoubtError": (ROOT,),
    "UndeliveredError": (ROOT,),
    "OutboxError": (ROOT, OSError),
    "OutboxFullError": (powerbi_push.OutboxError,),
    "ClosedError": (ROOT,),
}
ANSWER = {"status": 429, "code": "TooMany", "request_id": "5", "retry_after": 1.5}
PROBLEM = RowError(3, "Id", "wrong_type", "column `Id` takes Int64, not str", "str")
MODULES = [
    importlib.import_module(f"powerbi_push.{module.name}")
    for module in pkgutil.iter_modules(powerbi_push.__path__)
    if not module.name.startswith("_")
]


METHODS = (property, classmethod, staticmethod)


def public_members(owner: Any) -> list[tuple[str, Any]]:
    """The public members that are written in a module, or in a class."""
    named = [(name, member) for name, member in vars(owner).items() if not name.startswith("_")]
    if inspect.ismodule(owner):
        own = [(name, member) for name, member in named if getattr(member, "__module__", None) == owner.__name__]
        return [(name, member) for name, member in own if inspect.isclass(member) or inspect.isroutine(member)]
    return [(name, member) for name, member in named if inspect.isroutine(member) or isinstance(member, METHODS)]


def test_names_are_imported_for_others() -> None:
    """What is imported `as` itself is meant for others, say type checkers."""
    tree = ast.parse(Path(powerbi_push.__file__).read_text(encoding="utf-8"))
    (block,) = (block for block in tree.body if isinstance(block, ast.With))
    imports = [one for one in block.body if isinstance(one, ast.ImportFrom)]
    names = [str(alias.asname) for one in imports for alias in one.names]
    assert sorted(["__version__", *names]) == dir(powerbi_push)


def test_what_others_import_meanwhile_is_imported() -> None:
    namespace: dict[str, object] = {"__name__": "mine"}
    with Lazily(namespace):
        exec("from fractions import Fraction", namespace)  # noqa: S102 - it is our own
        assert namespace["Fraction"] is None
        from colorsys import hsv_to_rgb  # noqa: PLC0415 - as another thread might
    assert callable(hsv_to_rgb)
    assert "Fraction" not in namespace


WAYS = (
    "azure_cli",
    "browser",
    "certificate",
    "client_secret",
    "default",
    "device_code",
    "environment",
    "managed_identity",
    "token",
    "workload_identity",
)


def test_every_public_class_of_the_parts_is_exported() -> None:
    parts = [
        importlib.import_module(f"powerbi_push.{part}")
        for part in (
            *(f"credentials.{way}" for way in WAYS),
            "calls.options",
            "delivery.outbox",
            "delivery.progress",
            "delivery.results",
            "delivery.retry",
            "delivery.sender",
            "diagnosis.report",
            "exceptions",
            "powerbi.client",
            "powerbi.dataset",
            "powerbi.quotas",
            "powerbi.streaming",
            "powerbi.table",
            "powerbi.workspace",
            "schema.dataset",
            "schema.table",
        )
    ]
    classes = {name for part in parts for name, member in public_members(part) if inspect.isclass(member)}
    assert sorted(classes - set(dir(powerbi_push))) == []
    assert sorted(set(dir(powerbi_push)) - classes) == [
        "Emulator",
        "__version__",
        "doctor",
        "doctor_async",
        "logout",
        "microstrategy",
        "push",
        "push_async",
    ]


@pytest.mark.parametrize("module", [powerbi_push, *MODULES], ids=lambda module: module.__name__)
def test_every_public_object_says_what_it_is(module: Any) -> None:
    silent = [module.__name__] if not module.__doc__ else []
    for name, member in public_members(module):
        silent += [] if own_docstring(member) else [name]
        if inspect.isclass(member):
            inner = public_members(member)
            silent += [f"{name}.{method}" for method, function in inner if not own_docstring(function)]
    assert silent == []


def own_docstring(member: Any) -> str | None:
    """The docstring that is written there, not one that `dataclass` or a base made up."""
    text: str | None = member.__dict__.get("__doc__") if inspect.isclass(member) else member.__doc__
    return None if inspect.isclass(member) and text and text.startswith(f"{member.__name__}(") else text


# What names bring when they are first asked for, and what the import alone brings.
IMPORT = """
import sys
before = set(sys.modules)
import powerbi_push
alone = sorted(set(sys.modules) - before)
for name in powerbi_push.__all__:
    getattr(powerbi_push, name)
new = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
import json, logging
json.dump({"alone": alone, "new": new, "root": len(logging.getLogger().handlers)}, sys.__stdout__)
"""
OTHERS = {"pandas", "polars", "pyarrow", "numpy", "azure", "tqdm", "click", "pytest", "duckdb", "msal", "requests"}


def test_the_import_brings_no_other_package_and_prints_nothing() -> None:
    ran = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=False, timeout=50)
    assert (ran.stderr, ran.returncode) == ("", 0)
    seen = json.loads(ran.stdout)
    assert "powerbi_push" in seen["new"]
    assert OTHERS & set(seen["new"]) == set()
    assert set(seen["new"]) - {"powerbi_push"} <= sys.stdlib_module_names
    assert seen["root"] == 0


def test_the_import_alone_brings_nothing_but_the_core() -> None:
    # Without what installed packages have Python load at its start.
    where = {**os.environ, "PYTHONPATH": str(Path(powerbi_push.__path__[0]).parent)}
    command = [sys.executable, "-S", "-c", IMPORT]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50, env=where)
    assert (ran.stderr, ran.returncode) == ("", 0)
    # What is built into the interpreter costs nothing.
    alone = set(json.loads(ran.stdout)["alone"]) - set(sys.builtin_module_names)
    assert alone == {"powerbi_push", "powerbi_push._core", "powerbi_push.lazily"}


def test_a_name_is_what_its_module_calls_so() -> None:
    for name in dir(powerbi_push):
        value = getattr(powerbi_push, name)
        if name not in {"__version__", "microstrategy"}:
            assert getattr(sys.modules[value.__module__], name) is value, name
    with pytest.raises(AttributeError, match="module 'powerbi_push' has no attribute 'Tables'"):
        powerbi_push.Tables  # type: ignore[attr-defined]  # noqa: B018


def test_the_logger_is_quiet_unless_asked() -> None:
    importlib.import_module("powerbi_push.delivery.notices")
    logger = logging.getLogger("powerbi_push")
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
    assert (logger.level, logger.propagate) == (logging.NOTSET, True)


# --- exceptions ------------------------------------------------------------------------------------------------------


def exceptions() -> dict[str, type[BaseException]]:
    named = {name: getattr(powerbi_push, name) for name in dir(powerbi_push)}
    return {name: one for name, one in named.items() if inspect.isclass(one) and issubclass(one, BaseException)}


def test_the_tree_of_exceptions_is_the_documented_one() -> None:
    found = {name: one.__bases__ for name, one in exceptions().items()}
    assert found.pop("PushDatasetRetirementWarning") == (FutureWarning,)
    assert found.pop("OutboxWarning") == (UserWarning,)
    assert found == BASES


def test_the_docstring_draws_the_tree() -> None:
    drawn = powerbi_push.exceptions.__doc__ or ""
    assert [name for name in BASES if name not in drawn] == []


def attributes(name: str) -> dict[str, object]:
    """Everything that the exception can be told."""
    told: dict[str, object] = {"hint": "try again", "result": PushResult(read=2, confirmed=1, unsent=1)}
    if issubclass(getattr(powerbi_push, name), powerbi_push.ServiceError):
        told |= ANSWER
    if name == "RateLimitedError":
        told["bound_by"] = "rows per hour"
    if name == "ValidationError":
        told |= {"errors": (PROBLEM,), "error_count": 7}
    return told


@pytest.mark.parametrize("name", BASES)
def test_an_exception_is_made_from_a_message_alone(name: str) -> None:
    error = getattr(powerbi_push, name)("it broke")
    assert (str(error), error.hint, error.result) == ("it broke", None, None)
    assert {getattr(error, key) for key in attributes(name)} <= {None, (), 0}


@pytest.mark.parametrize("name", BASES)
def test_an_exception_keeps_what_it_is_told(name: str) -> None:
    told = attributes(name)
    error = getattr(powerbi_push, name)("it broke", **told)
    assert {key: getattr(error, key) for key in told} == told
    assert "it broke" in str(error)
    assert "try again" in str(error)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("remake", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])  # noqa: S301 - our own
def test_an_exception_is_the_same_after_pickling_and_copying(name: str, remake: Any) -> None:
    told = attributes(name)
    error = getattr(powerbi_push, name)("it broke", **told)
    same = remake(error)
    assert type(same) is type(error)
    assert (str(same), same.args) == (str(error), error.args)
    assert {key: getattr(same, key) for key in told} == told


def test_an_exception_keeps_its_notes_when_pickled() -> None:
    error = powerbi_push.SourceError("it broke")
    error.add_note("2 rows read")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["2 rows read"]  # noqa: S301 - our own


def test_validation_errors_count_their_problems_unless_told() -> None:
    assert powerbi_push.ValidationError("m", errors=iter([PROBLEM, PROBLEM])).error_count == 2


@pytest.mark.parametrize(
    "value", [PROBLEM, PushResult(read=1), powerbi_push.ValidationReport(1, 1, (PROBLEM,))], ids=type
)
def test_results_are_values(value: Any) -> None:
    same = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
    assert same == value == copy.deepcopy(value)
    assert hash(same) == hash(value)
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, 5)
