"""What the services do stands in `docs/facts`: every citation leads to a section there, every fact to a source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FACTS = ROOT / "docs" / "facts"
#: Where citations are looked for; a file that is there alone, or a folder.
CITING = ("src", "tests", "python", "docs", "examples", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")
KINDS = {".rs", ".py", ".pyi", ".md", ".toml", ".html", ".js"}
#: What may stand between two words of a comment: white space, and the signs with which its next line begins.
GAP = r"(?:\s|//[/!]?|#:?)+"
SECTION = r"\d+(?:\.\d+)*[a-z]?(?!\w)"
CITATION = re.compile(rf"(?<![\w./])facts/(\w+){GAP}({SECTION}(?:,{GAP}{SECTION})*)")
#: A section of no page; pages are named, since each service has its own.
NAMELESS = re.compile(rf"(?<![\w./])[Ff]acts{GAP}\d")
#: A headline with a number, or an item that begins with one.
HEADED = re.compile(rf"^(?:#+ |- \*\*)({SECTION})", re.MULTILINE)
ITEM = re.compile(r"^- .*(?:\n  .*)*", re.MULTILINE)
MARK = re.compile(r" \[(stated|seen|inferred|open)(?:: ([^\[\]]+))?\]$")
ON_GITHUB = re.compile(r"[\w.-]+/[\w.-]+(?:#\d+)?")


def sections(page: str) -> set[str]:
    return set(HEADED.findall(page))


PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FACTS.glob("*.md"))}
SECTIONS = {name: sections(page) for name, page in PAGES.items()}


def citations(text: str) -> list[tuple[str, str]]:
    """Give each cited section with the page that it is on."""
    found = ((match[1], re.findall(SECTION, match[2])) for match in CITATION.finditer(text))
    return [(page, section) for page, cited in found for section in cited]


def faults(text: str) -> list[str]:
    """Give what is cited and is not there."""
    unknown = [f"facts/{page} {section}" for page, section in citations(text) if section not in SECTIONS.get(page, ())]
    return unknown + [f"no page: {match[0]}" for match in NAMELESS.finditer(text)]


def files() -> list[Path]:
    places = [ROOT / name for name in CITING]
    found = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
    return sorted(path for path in found if path.suffix in KINDS and path != Path(__file__))


def test_every_citation_leads_to_a_section() -> None:
    texts = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in files()}
    assert [f"{path}: {fault}" for path, text in texts.items() for fault in faults(text)] == []
    cited = {citation for text in texts.values() for citation in citations(text)}
    assert {("powerbi", "1.11a"), ("powerbi", "5.404"), ("powerbi", "10.9"), ("entra", "5a")} <= cited


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/// (facts/powerbi 1.11a, without one as in facts/powerbi 1.11d).", []),
        ("facts/powerbi 4.1, 9.9, 5.429", ["facts/powerbi 9.9"]),
        ("facts/powerbi 1.11z on a push URL", ["facts/powerbi 1.11z"]),
        ("/// What is\n    /// sent (facts/powerbi\n    /// 1.5,\n    /// 99.1)", ["facts/powerbi 99.1"]),
        ("# as in facts/entra\n# 77", ["facts/entra 77"]),
        ("facts/nobody 1", ["facts/nobody 1"]),
        ("(facts 1.7)", ["no page: facts 1"]),
        ("    /// it is in facts\n    /// 1.7", ["no page: facts\n    /// 1"]),
        ("facts in, checks out; [facts](docs/facts/powerbi.md)", []),
    ],
)
def test_a_citation_that_leads_nowhere_is_seen(text: str, expected: list[str]) -> None:
    assert faults(text) == expected


@pytest.mark.parametrize("name", sorted(PAGES))
def test_every_fact_says_how_sure_it_is_and_from_where(name: str) -> None:
    facts, sources = re.split(r"^## \d+ Sources$", PAGES[name], flags=re.MULTILINE)
    table, _, after = sources.partition("\n## ")
    known = set(re.findall(r"^\| ([\w-]+) \|", table, re.MULTILINE)) - {"word"}
    used = set()
    for item in ITEM.findall(facts + after):
        mark = MARK.search(re.sub(r"\s+", " ", item))
        assert mark, f"without a mark: {item}"
        for source in (mark[2] or "").split(", "):
            is_elsewhere = ON_GITHUB.fullmatch(source) or source in SECTIONS[name]
            assert source in known or is_elsewhere or mark[1] == "open", f"no source `{source}`: {item}"
            used.add(source)
    assert known - used == set(), "sources that no fact names"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_no_number_stands_twice(name: str) -> None:
    numbers = HEADED.findall(PAGES[name])
    assert sorted(numbers) == sorted(set(numbers))
