"""What a release is held against: its tag, its files, and what differs on systems that are not here."""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
import zipfile
from typing import TYPE_CHECKING

import pytest

from doc_blocks import ROOT
from powerbi_push.documentation import SITE

if TYPE_CHECKING:
    from pathlib import Path

sys.path.insert(0, str(ROOT / ".ci"))
import release

#: What is said of a release that has a page.
PAGE = "Name: p\nDescription-Content-Type: text/markdown\n\nAll [about](https://example.org) it.\n"
ELSEWHERE = tomllib.loads((ROOT / ".ci/elsewhere.toml").read_text())["path"]
OF_RUST = re.compile(r"cfg\((?:not\(|all\()?(?:unix|windows|target_os)")
OF_PYTHON = re.compile(r"\bos\.name\b|\bsys\.platform\b")


def a_project(folder: Path, version: str, heading: str) -> Path:
    (folder / "Cargo.toml").write_text(f'[package]\nversion = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## [Unreleased]\n\n{heading}\n")
    return folder


@pytest.mark.parametrize(
    ("tag", "heading", "wrong"),
    [
        ("v1.2.3", "## [1.2.3] - 2027-01-31", []),
        ("1.2.3", "## [1.2.3] - 2027-01-31", ["the tag is 1.2.3, and Cargo.toml says 1.2.3"]),
        ("v1.2.4", "## [1.2.3] - 2027-01-31", ["the tag is v1.2.4, and Cargo.toml says 1.2.3"]),
        ("v1.2.3", "## [1.2.3]", ["CHANGELOG.md has no section `## [1.2.3] - <date>`"]),
        ("v1.2.3", "## [1x2x3] - 2027-01-31", ["CHANGELOG.md has no section `## [1.2.3] - <date>`"]),
    ],
)
def test_a_tag_is_the_version_and_in_the_changelog(tmp_path: Path, tag: str, heading: str, wrong: list[str]) -> None:
    assert release.wrong_tag(tag, a_project(tmp_path, "1.2.3", heading)) == wrong


def test_files_are_whole_and_small(tmp_path: Path) -> None:
    assert release.wrong_files(tmp_path) == [f"there is no wheel in {tmp_path}"]
    for name, count in (("a.whl", 1), ("b.whl", release.LARGEST)):
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            packed.writestr("x", b"x" * count)
            packed.writestr("p.dist-info/METADATA", PAGE)
    (tmp_path / "c.whl").write_bytes(b"no zip")
    size = (tmp_path / "b.whl").stat().st_size
    assert release.wrong_files(tmp_path) == [
        f"b.whl has {size:,} bytes, more than 5,000,000",
        "c.whl: it is damaged",
    ]


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (PAGE, []),
        (None, ["{} has no metadata"]),
        ("Name: p\n\nAll about it.\n", ["{} has no description, or does not say what that is written in"]),
        (PAGE.partition("\n\n")[0], ["{} has no description, or does not say what that is written in"]),
        (f"{PAGE}[a](docs/a.md)", ["{}: the description leads to a file beside it: docs/a.md"]),
    ],
)
def test_the_page_on_pypi_is_there(tmp_path: Path, told: str | None, wrong: list[str]) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as packed:
        packed.writestr("p.dist-info/METADATA" if told else "x", told or "x")
    info = tmp_path / "PKG-INFO"
    info.write_text(told or "x")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as sources:
        sources.add(info, "p-1/PKG-INFO" if told else "p-1/x")
        sources.add(info, "p-1/vendor/PKG-INFO")
    assert release.wrong_files(tmp_path) == [line.format(name) for name in ("a.whl", "a.tar.gz") for line in wrong]


def test_the_page_is_the_readme_without_what_lies_beside_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page, readme = (ROOT / project["readme"]).read_text(), (ROOT / "README.md").read_text()
    assert re.findall(r"\]\((?!https://)[^)]*\)", page) == []
    blocks = [re.findall(r"^```python\n.*?^```", text, re.DOTALL | re.MULTILINE) for text in (page, readme)]
    assert (blocks[0], len(blocks[0])) == (blocks[1], 1)
    pages = [link.removeprefix(SITE).strip("/") for link in re.findall(r"\((https://[^)]*)\)", page)]
    assert [name for name in pages if not (ROOT / f"docs/{name or 'index'}.md").exists()] == []


def test_what_asks_for_the_system_is_listed() -> None:
    rust = {path for path in (ROOT / "src").rglob("*.rs") if OF_RUST.search(path.read_text())}
    python = {path for path in (ROOT / "python").rglob("*.py") if OF_PYTHON.search(path.read_text())}
    listed = {file for path in ELSEWHERE for file in path["files"]}
    assert {str(path.relative_to(ROOT)) for path in rust | python} - listed == set()
    assert [file for file in listed if not (ROOT / file).exists()] == []


def test_the_tests_of_what_differs_are_there() -> None:
    tests = [test.partition("[")[0].split("::") for path in ELSEWHERE for test in path["tests"]]
    assert [name for file, name in tests if f"def {name}(" not in (ROOT / file).read_text()] == []
    assert all(path["tests"] and path["differs"] for path in ELSEWHERE)


def test_actions_are_pinned_and_only_one_job_may_publish() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []
    assert text.count("id-token: write") == 1
    assert "id-token: write" in text.partition("\n  publish:\n")[2]
    assert "secrets." not in text
