"""Gives pandas' frames ``df.powerbi``: `push`, `validate`, `schema` and `plan`. Importing this is all there is to it.

>>> import pandas as pd
>>> import powerbi_push.pandas
>>> frame = pd.DataFrame({"Id": [1, 2], "Item": ["tea", "milk"]})
>>> frame.powerbi.schema("Orders")
TableSchema('Orders', {'Id': 'Int64', 'Item': 'String'})
>>> frame.powerbi.validate({"Id": int, "Item": str}).ok
True
"""

from __future__ import annotations

from pandas.api.extensions import register_dataframe_accessor

from powerbi_push.powerbi.accessors import Accessor

register_dataframe_accessor("powerbi")(Accessor)
