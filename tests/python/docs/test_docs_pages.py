"""The pages of the documentation: every error is explained, every page is in the site, every link leads somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from doc_blocks import PAGES, ROOT, Block, blocks, files, sessions
from powerbi_push import RowError, ValidationError, exceptions
from powerbi_push.documentation import SITE

DOCS = ROOT / "docs"
CODES = ROOT / "src/rows/encode/problems.rs"
REASONS = ROOT / "src/services/powerbi/answers/reason/known.rs"
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)(#[^)]*)?\)")
PROBLEM = {"row": 0, "column": None, "message": "", "value_type": None}
#: Runs the files that need Spark, Dask or Ray: `make test-spark`.
CLUSTERS = ROOT / "tests/spark/test_recipes.py"
#: Languages of a page whose blocks a test of its own runs.
OWN_TEST = {"docs/emulator.md": {"sh", "powershell", "csharp", "json"}}  # test_docs_emulator.py
#: What stands in a block of text: what cannot be run here.
NOT_RUN = ("pip install powerbi-push", "make ")


def headings(page: Path) -> list[str]:
    """The headings of a page, without what is no heading in a block of code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [found.replace("`", "") for found in re.findall(r"^##+ (.+)$", text, re.MULTILINE)]


def anchor(heading: str) -> str:
    """What the generator calls a heading in an address."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


EXPLAINED = headings(DOCS / "troubleshooting.md")


def test_every_error_is_explained() -> None:
    raised = {name for name, kind in vars(exceptions).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert len(raised) == 22
    assert raised - set(EXPLAINED) == set()


def test_every_code_of_a_row_is_explained() -> None:
    codes = set(re.findall(r'=> "(\w+)",', CODES.read_text())) | {"refused", "broken"}
    assert len(codes) == 11
    assert codes - set(EXPLAINED) == set()


def test_every_code_of_the_service_that_is_known_is_explained() -> None:
    told = (DOCS / "troubleshooting.md").read_text()
    signs = set(re.findall(r'"([A-Z]\w+(?:Error|Expired|Exceeded|Found))"', REASONS.read_text()))
    assert "TokenExpired" in signs
    ours = {"EntityNotFound", "FolderNotFound"}  # parts of the codes that the page has in full
    others = {"WorkspaceNotFound", "GroupNotFound"}  # never seen, looked for all the same
    assert [sign for sign in signs - ours - others if f"`{sign}`" not in told] == []


@pytest.mark.parametrize("name", [name for name in EXPLAINED if hasattr(exceptions, name) and name.endswith("Error")])
def test_an_error_leads_to_its_section(name: str) -> None:
    assert getattr(exceptions, name)("x").help_url == f"{SITE}troubleshooting/#{anchor(name)}"


def test_problems_of_one_kind_lead_to_its_section() -> None:
    one, other = RowError(code="wrong_type", **PROBLEM), RowError(code="too_long", **PROBLEM)  # type: ignore[arg-type]
    assert ValidationError("x", errors=[one, one]).help_url == f"{SITE}troubleshooting/#wrong_type"
    assert ValidationError("x", errors=[one, other]).help_url == f"{SITE}troubleshooting/#validationerror"


def test_an_error_of_yours_leads_to_that_below_it() -> None:
    class OurOwnError(exceptions.NotFoundError):
        pass

    assert OurOwnError("x").help_url == f"{SITE}troubleshooting/#notfounderror"
    assert "http" not in str(OurOwnError("x", hint="look"))


def test_the_address_of_the_site_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (site,) = re.findall(r"^site_url: (\S+)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert (project["urls"]["Documentation"], site) == (SITE, SITE)


def test_every_page_is_in_the_site() -> None:
    listed = set(re.findall(r"^ +- [^:]+: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        for target, part in LINK.findall(page.read_text()):
            other = page.parent / target if target else page
            if not other.exists() or (part and part[1:] not in map(anchor, headings(other))):
                broken.append(f"{page.name}: {target}{part}")
    assert broken == []


def is_run(block: Block, document: str) -> bool:
    """Whether a test runs it, or it shows a file that its page or a test of clusters takes, or cannot be run here."""
    if block.language in OWN_TEST.get(document, ()):
        return True
    if block.language == "text":
        return all(line.startswith(NOT_RUN) for line in block.text.splitlines())
    if block.file is None or block.language == "ini":
        return block.language in {"python", "console", "crontab", "ini", "js"}
    others = [text for name, text in files(document).items() if name != block.file]
    if f'"{block.file}"' in CLUSTERS.read_text():
        return True
    return any(Path(block.file).stem in user for user in [*others, *(command for command, _ in sessions(document))])


@pytest.mark.parametrize("document", ["README.md", *PAGES])
def test_every_block_of_code_is_run(document: str) -> None:
    assert [f"line {block.line}" for block in blocks(document) if not is_run(block, document)] == []
    fences = re.findall(r"^[ \t]*```", (ROOT / document).read_text(), re.MULTILINE)
    assert len(fences) == 2 * len(blocks(document))


def test_the_readme_fits_on_a_screen() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 60
    assert sum(line.startswith("![") for line in lines) == 1
