"""For the documentation site: examples of docstrings become blocks of code; Markdown would take them for quotations."""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"(?:^ *>>> .*\n?(?:^(?! *>>>) *\S.*\n?)*)+", re.MULTILINE)


class DocstringExamples(griffe.Extension):
    """Fences each example."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Look at a docstring."""
        _fence(obj)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Look at the package's own, which comes last."""
        _fence(pkg)


def _fence(obj: griffe.Object) -> None:
    if obj.docstring is not None and "```" not in obj.docstring.value:
        obj.docstring.value = EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(example: re.Match[str]) -> str:
    return f"```pycon\n{example[0].rstrip()}\n```\n"
