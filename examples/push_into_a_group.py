"""The sample "Push data into a Power BI Dashboard": a dataset as JSON, rows, and the same within a group (a workspace).

    python examples/push_into_a_group.py

Each step names the REST operation that it mirrors. Runs against a local Power BI.
"""

from __future__ import annotations

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

# "Example dataset object JSON" of the sample; `int`, `string` and `bool` are other names of Int64, String and Boolean.
DATASET = {
    "name": "SalesMarketing",
    "tables": [
        {
            "name": "Product",
            "columns": [
                {"name": "ProductID", "dataType": "int"},
                {"name": "Manufacturer", "dataType": "string"},
                {"name": "Category", "dataType": "string"},
                {"name": "Segment", "dataType": "string"},
                {"name": "Product", "dataType": "string"},
                {"name": "IsCompete", "dataType": "bool"},
            ],
        }
    ],
}

PRODUCTS = [
    {
        "ProductID": 1,
        "Manufacturer": "VanArsdel",
        "Category": "Urban",
        "Segment": "Productivity",
        "Product": "Maximus UP-01",
        "IsCompete": False,
    },
    {
        "ProductID": 2,
        "Manufacturer": "Natura",
        "Category": "Rural",
        "Segment": "Moderation",
        "Product": "Natura RP-02",
        "IsCompete": True,
    },
]


def push_into(workspace: pbi.Workspace) -> pbi.PushResult:
    """Create Dataset, Add Rows; Get Datasets says whether it is there already."""
    schema = pbi.DatasetSchema.from_json(DATASET)
    there = [dataset for dataset in workspace.datasets() if dataset.name == schema.name]
    dataset = there[0] if there else workspace.create_dataset(schema)
    return dataset.table("Product", schema.tables[0]).push(PRODUCTS)


def main(client: pbi.Client) -> None:
    """Push into My workspace, then into each group that Get Groups lists."""
    for workspace in [client.my_workspace, *client.workspaces()]:
        print(f"{workspace.name}: {push_into(workspace).summary()}")


if __name__ == "__main__":
    with Emulator() as emulator:
        emulator.add_workspace("Marketing")
        main(emulator.client())
