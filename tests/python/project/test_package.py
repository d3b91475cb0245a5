"""The package as a whole."""

from importlib.metadata import version

import powerbi_push


def test_the_module_says_the_version_that_pip_installed() -> None:
    assert powerbi_push.__version__ == version("powerbi-push")


def test_every_exported_name_is_there() -> None:
    assert [name for name in dir(powerbi_push) if not hasattr(powerbi_push, name)] == []
