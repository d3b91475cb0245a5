"""What `make instructions` counts is what users get: the crates and the profile of the package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def manifest(folder: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / folder / "Cargo.toml").read_text(encoding="utf-8"))


def asked_for(crate: str | dict[str, Any]) -> dict[str, Any]:
    """What a manifest asks of a crate, whether or not it can do without."""
    return {"version": crate} if isinstance(crate, str) else {k: v for k, v in crate.items() if k != "optional"}


def test_what_is_counted_is_built_from_the_same_crates_in_the_same_way() -> None:
    package, counted = manifest("."), manifest("tests/bench/counted")
    assert counted["package"]["edition"] == package["package"]["edition"]
    known = {name: asked_for(crate) for name, crate in package["dependencies"].items()}
    assert {name: asked_for(crate) for name, crate in counted["dependencies"].items()}.items() <= known.items()
    unix = [crates["target"]["cfg(unix)"]["dependencies"] for crates in (package, counted)]
    assert unix[0] == unix[1]
    # callgrind goes by the names of functions; the package's are stripped.
    release = {"strip": "symbols", **counted["profile"]["release"]}
    assert {name: value for name, value in package["profile"]["release"].items() if name != "package"} == release
