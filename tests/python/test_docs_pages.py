"""The pages of the documentation: every error is explained, every page is in the site, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from powerbi_push import exceptions

DOCS = Path(__file__).parents[2] / "docs"
CODES = Path(__file__).parents[2] / "src" / "rows" / "encode" / "problems.rs"
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]+)(?:#[^)]*)?\)")


def rows_of(page: str) -> list[str]:
    """What the first column of the tables of a page names."""
    return re.findall(r"^\| `(\w+)` \|", (DOCS / page).read_text(), re.MULTILINE)


def test_every_error_is_explained() -> None:
    raised = {name for name, kind in vars(exceptions).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert raised <= set(rows_of("troubleshooting.md"))


def test_every_code_is_explained() -> None:
    codes = set(re.findall(r'=> "(\w+)",', CODES.read_text())) | {"refused"}
    assert len(codes) == 10
    assert codes <= set(rows_of("troubleshooting.md"))


def test_every_page_is_in_the_site() -> None:
    listed = set(re.findall(r"^ +- [^:]+: (\S+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(), re.MULTILINE))
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in DOCS.glob("*.md")
        for target in LINK.findall(page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
