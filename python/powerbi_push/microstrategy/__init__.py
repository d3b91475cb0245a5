"""MicroStrategy ("Strategy"): the same rows and the same checks, pushed into datasets of a MicroStrategy Library.

>>> import powerbi_push as pbi
>>> client = pbi.microstrategy.Client("https://example.com/MicroStrategyLibrary", username="me", password="secret")
>>> client.base_url
'https://example.com/MicroStrategyLibrary'
"""

from powerbi_push.microstrategy.client import Client
from powerbi_push.microstrategy.dataset import Dataset, Table
from powerbi_push.microstrategy.upload import Upload

__all__ = ["Client", "Dataset", "Table", "Upload"]
