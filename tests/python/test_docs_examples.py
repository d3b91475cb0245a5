"""Every example is executed: the doctests of the modules, the Python blocks of the documents."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import powerbi_push

DOCUMENTS = Path(__file__).parents[2]
PAGES = sorted(f"docs/{path.name}" for path in (DOCUMENTS / "docs").glob("*.md"))
RUN = ["README.md", "CONTRIBUTING.md", *PAGES]
FENCE = re.compile(r"^([ \t]*)```python[^\n]*\n(.*?)^\1```[ \t]*$", re.DOTALL | re.MULTILINE)
MODULES = ["powerbi_push"] + [
    f"powerbi_push.{module.name}"
    for module in pkgutil.iter_modules(powerbi_push.__path__)
    if not module.name.startswith("_")
]


def doctests(name: str) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_do_what_they_show(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    failed = [test.name for test in doctests(name) if runner.run(test, out=report.append).failed]
    assert not failed, "".join(report)


def test_there_are_examples_in_docstrings() -> None:
    assert [
        name for name in ("powerbi_push", "powerbi_push.schema", "powerbi_push.emulator") if not doctests(name)
    ] == []


def blocks(document: str) -> list[tuple[int, str]]:
    """The Python blocks, and on which line each begins."""
    text = (DOCUMENTS / document).read_text(encoding="utf-8")
    return [(text.count("\n", 0, block.start()) + 2, dedent(block[2])) for block in FENCE.finditer(text)]


@pytest.mark.parametrize("document", RUN)
def test_the_python_blocks_of_a_document_run_from_top_to_bottom(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # One namespace, as for a reader who types them one after the other.
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for line, source in blocks(document):
        # Blank lines in front, so that a traceback names the line of the document.
        exec(compile("\n" * (line - 1) + source, str(DOCUMENTS / document), "exec"), namespace)  # noqa: S102 - our own


def test_no_python_block_of_a_document_is_overlooked() -> None:
    for document in RUN:
        text = (DOCUMENTS / document).read_text(encoding="utf-8")
        assert len(blocks(document)) == len(re.findall(r"```\s*(?:python|py)\b", text))
    assert blocks("README.md")
