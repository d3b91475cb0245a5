"""Every example is executed: the doctests of the modules, the Python blocks of the documents."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push
from doc_blocks import PAGES, ROOT, Block, blocks

if TYPE_CHECKING:
    from pathlib import Path

#: How long something took, which nobody knows beforehand.
TOOK = re.compile(r"\d+\.\d s")
RUN = ["README.md", "CONTRIBUTING.md", *PAGES]
#: What is inside of `spark` needs pyspark.
MODULES = ["powerbi_push"] + [
    module.name
    for module in pkgutil.walk_packages(powerbi_push.__path__, "powerbi_push.")
    if "._" not in module.name and ".spark." not in module.name
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
    with_examples = ("powerbi_push", "powerbi_push.schema.table", "powerbi_push.emulator.local")
    assert [name for name in with_examples if not doctests(name)] == []


def typed_in(document: str) -> list[Block]:
    """The Python blocks that are no file: what a reader types."""
    return [block for block in blocks(document) if block.language == "python" and block.file is None]


def outputs(block: Block) -> list[str]:
    """What a block says that it prints: behind a `print`, or in the comments below one."""
    told: list[str] = []
    below = False
    for line in block.text.splitlines():
        code, _, comment = line.partition("# ")
        if code.strip() or not line:
            below = "print(" in code
        if below and comment:
            told.append(comment)
    return told


def is_printed(told: str, printed: list[str]) -> bool:
    """Whether a line was printed; behind it may stand why, after a colon, and how long it took does not matter."""
    plain = TOOK.sub("", told)
    return any(plain == line or plain.startswith(f"{line}: ") for line in printed)


@pytest.mark.parametrize("document", RUN)
def test_the_python_blocks_of_a_document_run_from_top_to_bottom_and_print_what_they_say(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # One namespace, as for a reader who types them one after the other.
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in typed_in(document):
        # Blank lines in front, so that a traceback names the line of the document.
        source = "\n" * (block.line - 1) + block.text
        exec(compile(source, str(ROOT / document), "exec"), namespace)  # noqa: S102 - our own
        printed = TOOK.sub("", capsys.readouterr().out).splitlines()
        assert [told for told in outputs(block) if not is_printed(told, printed)] == []


def test_there_are_blocks() -> None:
    assert typed_in("README.md")
    assert next(told for block in typed_in("docs/index.md") for told in outputs(block)).startswith("2 rows read")
    assert len([document for document in PAGES if typed_in(document)]) > 10
