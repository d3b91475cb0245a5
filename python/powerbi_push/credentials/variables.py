"""The variables that sign-ins are read from, named as azure-identity and the platforms name them."""

from __future__ import annotations

import os

TENANT, CLIENT, SECRET = "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"
CERTIFICATE, PASSWORD = "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD"
FILE = "AZURE_FEDERATED_TOKEN_FILE"
AUTHORITY = "AZURE_AUTHORITY_HOST"
#: What a run of GitHub Actions is given that may write id tokens.
GITHUB = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
#: App Service, Azure Arc and virtual machines.
MACHINE = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST")
#: A token itself.
TOKEN = "POWERBI_PUSH_TOKEN"  # noqa: S105 - the name of one


def variable(name: str) -> str | None:
    """Read a variable; an empty one is none."""
    return os.environ.get(name, "").strip() or None


def missing(*names: str) -> str:
    """Name those that are not set."""
    return ", ".join(name for name in names if variable(name) is None)


def mark_of_environment() -> int:
    """Tell the environment's sign-in from another one, without keeping it."""
    names = (TOKEN, TENANT, CLIENT, SECRET, CERTIFICATE, PASSWORD, FILE, AUTHORITY, *GITHUB, *MACHINE)
    return hash(tuple(os.environ.get(name) for name in names))
