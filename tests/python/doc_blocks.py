"""The blocks of code in the documents: which language, which file they are, what stands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
FENCE = re.compile(
    r'^(?P<margin>[ \t]*)```(?P<language>[\w-]*)(?: title="(?P<file>[^"]+)")?[ \t]*\n'
    r"(?P<text>.*?)^(?P=margin)```[ \t]*$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: What stands behind the fence; empty where nothing does.
        file: The name of the file that it shows; None where it shows none.
        text: What stands in it.
        line: On which line of the document that begins.
    """

    language: str
    file: str | None
    text: str
    line: int


def blocks(document: str) -> list[Block]:
    """All blocks of a document, in their order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [
        Block(found["language"], found["file"], dedent(found["text"]), text.count("\n", 0, found.start()) + 2)
        for found in FENCE.finditer(text)
    ]


def sessions(document: str) -> list[tuple[str, str]]:
    """Commands of the terminal, each with what it is said to write."""
    shown = "".join(block.text for block in blocks(document) if block.language == "console")
    pairs = [step.partition("\n") for step in re.split(r"^\$ ", shown, flags=re.MULTILINE)]
    return [(command, told.rstrip("\n")) for command, _, told in pairs if command]


def of_language(language: str, document: str) -> list[str]:
    """What stands in the blocks of a language."""
    return [block.text for block in blocks(document) if block.language == language]


def files(document: str) -> dict[str, str]:
    """The files that a document shows."""
    return {block.file: block.text for block in blocks(document) if block.file}
