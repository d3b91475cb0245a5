"""What a release is held against: its tag, its files, and what differs on systems that are not here."""

from __future__ import annotations

import re
import sys
import tomllib
import zipfile
from typing import TYPE_CHECKING

import pytest

from doc_blocks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

sys.path.insert(0, str(ROOT / ".ci"))
import release

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
    (tmp_path / "c.whl").write_bytes(b"no zip")
    size = (tmp_path / "b.whl").stat().st_size
    assert release.wrong_files(tmp_path) == [
        f"b.whl has {size:,} bytes, more than 5,000,000",
        "c.whl: it is damaged",
    ]


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
