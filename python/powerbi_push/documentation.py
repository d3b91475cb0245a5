"""Where the documentation is, for messages that lead there; `pyproject.toml` and `mkdocs.yml` name the same address."""

from __future__ import annotations

SITE = "https://powerbi-push.readthedocs.io/en/stable/"


def page_of_errors(subject: str) -> str:
    """Give the address of what is written about an error, or about the code of a problem in a row."""
    return f"{SITE}troubleshooting/#{subject.lower()}"
