"""Gives polars' frames ``df.powerbi``: `push`, `validate`, `schema` and `plan`. Importing this is all there is to it.

>>> import polars as pl
>>> import powerbi_push.polars
>>> frame = pl.DataFrame({"Id": [1, 2], "Item": ["tea", "milk"]})
>>> frame.powerbi.plan().requests
1
"""

from __future__ import annotations

from polars.api import register_dataframe_namespace

from powerbi_push.powerbi.accessors import Accessor

register_dataframe_namespace("powerbi")(Accessor)
