"""What the vendor's own client does: create, upload in chunks, publish, upsert, delete. It runs without our package."""

from __future__ import annotations

import sys

import pandas as pd
from mstrio.connection import Connection
from mstrio.project_objects.datasets import SuperCube


def main(base_url: str, username: str, password: str, project: str, last: str) -> None:
    """Do it, and at last ``keep`` or ``delete`` the dataset."""
    connection = Connection(base_url, username, password, project_name=project, login_mode=1)
    orders = pd.DataFrame(
        {
            "id": range(1_000),
            "name": [f"Süd {number}" for number in range(1_000)],
            "amount": [number / 4 for number in range(1_000)],
            # Of times the client takes those to the nanosecond alone.
            "at": pd.to_datetime(["2024-01-02 03:04:05.678901"] * 1_000).astype("datetime64[ns]"),
        }
    )
    cities = pd.DataFrame({"code": ["a", "b"], "people": [1_500.5, None]})
    cube = SuperCube(connection, name="Orders")
    cube.add_table("orders", orders, "replace", to_attribute=["id"])
    cube.add_table("cities", cities, "replace")
    cube.create(chunksize=300)

    changed = pd.concat([orders.tail(2), orders.head(1).assign(id=5_000)], ignore_index=True).assign(amount=-1.0)
    again = SuperCube(connection, id=cube.id)
    again.add_table("orders", changed.assign(name=["Süd 998", "Süd 999", "new"]), "upsert")
    again.update()
    if last == "delete":
        again.delete(force=True)
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
