"""What a release must be: `release.py tag v1.2.3` judges a tag, `release.py files dist` the files of a folder."""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Bytes of a wheel at most: a board fetches it through a thin line.
LARGEST = 5_000_000
#: A link or a picture that is no whole address: on PyPI it leads nowhere.
_BESIDE = re.compile(r"\]\((?!https://)([^)]*)\)")


def wrong_tag(tag: str, root: Path = ROOT) -> list[str]:
    """Say what keeps a tag from being released."""
    version = tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    wrong = [] if tag == f"v{version}" else [f"the tag is {tag}, and Cargo.toml says {version}"]
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE):
        wrong.append(f"CHANGELOG.md has no section `## [{version}] - <date>`")
    return wrong


def wrong_files(folder: Path) -> list[str]:
    """Say what is wrong with the files of a release."""
    wheels = sorted(folder.glob("*.whl"))
    wrong = [] if wheels else [f"there is no wheel in {folder}"]
    for wheel in wheels:
        size = wheel.stat().st_size
        if size > LARGEST:
            wrong.append(f"{wheel.name} has {size:,} bytes, more than {LARGEST:,}")
        try:
            with zipfile.ZipFile(wheel) as packed:
                damaged = packed.testzip()
                told = [packed.read(name) for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        except zipfile.BadZipFile:
            damaged, told = "it", []
        wrong += [f"{wheel.name}: {damaged} is damaged"] if damaged else _wrong_page(wheel.name, told)
    for sdist in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(sdist) as packed:
            infos = [name for name in packed.getnames() if name.count("/") == 1 and name.endswith("/PKG-INFO")]
            files = [packed.extractfile(name) for name in infos]
            told = [file.read() for file in files if file is not None]
        wrong += _wrong_page(sdist.name, told)
    return wrong


def _wrong_page(name: str, told: list[bytes]) -> list[str]:
    """Say what the page on PyPI would lack: PyPI refuses nothing then, and shows an empty one."""
    if len(told) != 1:
        return [f"{name} has no metadata"]
    page = Parser().parsestr(told[0].decode())
    body = page.get_payload()
    if page["Description-Content-Type"] is None or not isinstance(body, str) or not body.strip():
        return [f"{name} has no description, or does not say what that is written in"]
    return [f"{name}: the description leads to a file beside it: {link}" for link in re.findall(_BESIDE, body)]


def main(what: str, of: str) -> int:
    """Print what is wrong."""
    wrong = wrong_tag(of) if what == "tag" else wrong_files(Path(of))
    for line in wrong:
        sys.stderr.write(f"release: {line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
