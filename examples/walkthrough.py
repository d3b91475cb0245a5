"""The walkthrough "Push data into a Power BI dashboard", step by step: each step names the C# method that it mirrors.

    python examples/walkthrough.py                 into a local Power BI
    python examples/walkthrough.py CLIENT_ID       into the real one: your browser signs you in

Step 1, registering an app with Microsoft Entra, is done once, in its portal: a native app, as the walkthrough has it,
is today the platform "Mobile and desktop applications" with the redirect address http://localhost.
"""

from __future__ import annotations

import sys

import powerbi_push as pbi
from powerbi_push.emulator import Emulator

# Step 3: the dataset's description, as `CreateDataset` spells it in C#.
SALES_MARKETING = """
{"name": "SalesMarketing", "tables":
    [{"name": "Product", "columns":
        [{ "name": "ProductID", "dataType": "Int64"},
         { "name": "Name", "dataType": "string"},
         { "name": "Category", "dataType": "string"},
         { "name": "IsCompete", "dataType": "bool"},
         { "name": "ManufacturedOn", "dataType": "DateTime"}
        ]}]}
"""

# Step 4: the rows, as `AddRows` has them in C#. Dates may be written so; the service gets 2014-07-30T00:00:00.
PRODUCTS = [
    {
        "ProductID": 1,
        "Name": "Adjustable Race",
        "Category": "Components",
        "IsCompete": True,
        "ManufacturedOn": "07/30/2014",
    },
    {
        "ProductID": 2,
        "Name": "LL Crankarm",
        "Category": "Components",
        "IsCompete": True,
        "ManufacturedOn": "07/30/2014",
    },
    {
        "ProductID": 3,
        "Name": "HL Mountain Frame - Silver",
        "Category": "Bikes",
        "IsCompete": True,
        "ManufacturedOn": "07/30/2014",
    },
]


def get_token(client_id: str, **more: str) -> pbi.InteractiveBrowserCredential:
    """Step 2, `GetToken`: the user signs in with the browser.

    C# shows the token, which whoever reads it can use. Here none is shown, nor fetched before the first request.

    Args:
        client_id: What Entra gave the app when it was registered: `clientID` in C#.
        **more: `tenant_id` where the app is of one tenant, and `authority` where it is not Entra itself that signs in.
    """
    return pbi.InteractiveBrowserCredential(client_id, **more)  # type: ignore[arg-type]


def create_dataset(client: pbi.Client) -> pbi.Dataset:
    """Step 3, `CreateDataset`: unless it is there, so that the walkthrough can be walked twice."""
    dataset = client.create_dataset(pbi.DatasetSchema.from_json(SALES_MARKETING), if_exists="reuse")
    print("Dataset Created")
    return dataset


def get_dataset(client: pbi.Client) -> pbi.Dataset:
    """Step 3, `GetDataset`: find it again by its name, where C# took the first of the list."""
    dataset = client.dataset("SalesMarketing")
    print(f"Dataset ID: {dataset.id}")
    return dataset


def add_rows(dataset: pbi.Dataset) -> pbi.PushResult:
    """Step 4, `AddRows`: with the schema, so that each row is checked before it is sent."""
    schema = pbi.DatasetSchema.from_json(SALES_MARKETING).tables[0]
    result = dataset.table("Product", schema).push(PRODUCTS)
    print("Rows Added")
    return result


def main(client: pbi.Client) -> None:
    """Walk through, as `Main` does."""
    create_dataset(client)
    print(add_rows(get_dataset(client)).summary())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(pbi.Client(get_token(sys.argv[1])))
        sys.exit(0)
    with Emulator() as emulator:
        main(emulator.client())
        for row in emulator.rows("SalesMarketing/Product"):
            print(*row.values(), sep="\t")
