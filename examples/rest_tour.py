"""What the "Introduction to Power BI REST API" says one can do, one verb each, within a group and without.

    python examples/rest_tour.py

Each line names the operation and the address that it mirrors. Runs against a local Power BI.
"""

from __future__ import annotations

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

SCHEMA = pbi.DatasetSchema(
    "SalesMarketing",
    [
        pbi.TableSchema(
            "Product",
            {
                "ProductID": "int",
                "Manufacturer": "string",
                "Category": "string",
                "Segment": "string",
                "Product": "string",
                "IsCompete": "bool",
            },
        )
    ],
)
ROWS = [{"ProductID": number, "Product": f"Maximus UM-{number:02}", "IsCompete": False} for number in (1, 2, 3)]


def show(so_far: pbi.Progress) -> None:
    """See how far a push is. Without this a terminal and a notebook show a bar of what lasts longer than 2 seconds."""
    print(f"confirmed {so_far.confirmed} of {so_far.total}")


def tour(workspace: pbi.Workspace) -> None:
    """Do everything once in a workspace."""
    # Create a dataset: POST https://api.powerbi.com/v1.0/myorg[/groups/{id}]/datasets
    dataset = workspace.create_dataset(SCHEMA)

    # Get datasets: GET .../datasets
    print("datasets:", ", ".join(found.name for found in workspace.datasets()))

    # Get tables: GET .../datasets/{id}/tables
    print("tables:", ", ".join(found.name for found in dataset.tables()))

    # Add rows: POST .../datasets/{id}/tables/Product/rows
    table = dataset.table("Product")
    print("added:", table.push(ROWS, progress=show).summary())

    # Update table schema: PUT .../datasets/{id}/tables/Product. Rows may be lost by it, and you have to say so.
    wider = pbi.TableSchema("Product", [*SCHEMA.tables[0].columns, pbi.Column("Color", str)])
    table.update_schema(wider, may_lose_rows=True)
    print("added:", dataset.table("Product", wider).push([{"ProductID": 4, "Color": "red"}]).summary())

    # Delete rows: DELETE .../datasets/{id}/tables/Product/rows
    table.delete_rows()

    # An object goes by its address: DELETE .../datasets/{id}
    dataset.delete()


def main(client: pbi.Client) -> None:
    """Tour My workspace, then each group: GET https://api.powerbi.com/v1.0/myorg/groups."""
    for workspace in [client.my_workspace, *client.workspaces()]:
        print(f"\n{workspace.name}")
        tour(workspace)


if __name__ == "__main__":
    with Emulator() as emulator:
        emulator.add_workspace("Marketing")
        main(emulator.client())
