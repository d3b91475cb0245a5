"""The page about the local Power BI: its seed is sown, its calls in other languages run, its container fits."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from doc_blocks import blocks
from powerbi_push.cli.seed import read_seed

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/emulator.md").read_text(encoding="utf-8")
PROJECT = """<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType>
<TargetFramework>net8.0</TargetFramework><RollForward>Major</RollForward><ImplicitUsings>enable</ImplicitUsings>
</PropertyGroup></Project>"""
#: The program of each language, and how it is given a text.
LANGUAGES = {
    "sh": ("curl", ["/bin/sh", "-euc"]),
    "powershell": ("pwsh", ["pwsh", "-NoProfile", "-Command"]),
    "csharp": ("dotnet", ["dotnet", "run"]),
}


def block(language: str, word: str) -> str:
    """The block of a language that holds a word."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    one: str
    (one,) = [text for text in found if word in text]
    return one


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_client_of_another_language_pushes_rows(powerbi: Emulator, tmp_path: Path, language: str) -> None:
    needed, command = LANGUAGES[language]
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed: the call was not run")
    text = block(language, "Orders").replace("http://127.0.0.1:8765", powerbi.url)
    if language == "csharp":
        (tmp_path / "Program.cs").write_text(text)
        (tmp_path / "push.csproj").write_text(PROJECT)
    else:
        command = [*command, text]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    powerbi.assert_pushed("Sales/Orders", [{"Id": 1}, {"Id": 2}])


def test_the_calls_of_dotnet_are_those_of_mono_too(powerbi: Emulator, tmp_path: Path) -> None:
    if shutil.which("mcs") is None:
        pytest.skip("mcs is not installed: the calls were not run")
    program, source = tmp_path / "push.exe", Path(__file__).parent / "push_rows.cs"
    for command in (["mcs", f"-out:{program}", "-r:System.Net.Http", str(source)], ["mono", str(program), powerbi.url]):
        subprocess.run(command, timeout=110, check=True)
    powerbi.assert_pushed("Sales/Orders", [{"Id": 1}, {"Id": 2}])


def test_every_block_in_another_language_is_looked_at() -> None:
    found = [one.language for one in blocks("docs/emulator.md") if one.language in {*LANGUAGES, "json"}]
    # The seed, the container, and a call in each language.
    assert sorted(found) == sorted(["json", "sh", *LANGUAGES])


def test_the_seed_is_sown(powerbi: Emulator, tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text(block("json", "rows"))
    read_seed(str(seed)).sow(powerbi)
    powerbi.assert_pushed("Sales/Orders", [{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "rice"}])


def test_the_container_listens_where_the_page_publishes_it() -> None:
    file = (ROOT / "Containerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", file, re.MULTILINE)
    assert json.loads(entry)[:5] == ["powerbi-push", "emulator", "--host", "0.0.0.0", "--in-container"]  # noqa: S104 - so
    for line in block("sh", "docker").splitlines():
        assert f"#     {line}\n" in file
