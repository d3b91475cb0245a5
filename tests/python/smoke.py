"""The least that must work on every CPython: run with `python tests/python/smoke.py`, needs nothing but the package."""

import platform
from importlib.metadata import version

import powerbi_push


def the_core_loads() -> None:
    assert powerbi_push.__version__ == version("powerbi-push")


def main() -> None:
    for claim in (the_core_loads,):
        claim()
    print(f"smoke: powerbi_push {powerbi_push.__version__} on CPython {platform.python_version()}: fine")


if __name__ == "__main__":
    main()
