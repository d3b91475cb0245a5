"""`powerbi-push workspaces`, `datasets` and `tables`: what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from powerbi_push.cli.session import Session


@click.command()
@click.option("--filter", "condition", metavar="ODATA", help="Which ones, such as \"contains(name,'Sales')\".")
@click.pass_obj
def workspaces(session: Session, condition: str | None) -> None:
    """List the workspaces that you may see, My workspace apart."""
    found = session.client().workspaces(condition)
    session.give_table([{"name": one.name, "id": one.id} for one in found], ["name", "id"])


@click.command()
@click.argument("workspace", required=False)
@click.pass_obj
def datasets(session: Session, workspace: str | None) -> None:
    """List the datasets of WORKSPACE (a name or an id); without one, those of My workspace."""
    client = session.client()
    found = (client.workspace(workspace) if workspace else client.my_workspace).datasets()
    names = ["name", "id", "accepts_rows", "web_url"]
    session.give_table([{name: getattr(one, name) for name in names} for one in found], names[:3])


@click.command()
@click.argument("dataset")
@click.pass_obj
def tables(session: Session, dataset: str) -> None:
    """List the tables of DATASET: a name or an id, or "Workspace/Dataset"."""
    client = session.client()
    workspace, _, name = dataset.rpartition("/")
    found = (client.workspace(workspace) if workspace else client.my_workspace).dataset(name).tables()
    session.give_table([{"name": one.name} for one in found], ["name"])
