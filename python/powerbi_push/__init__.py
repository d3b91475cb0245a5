"""Push rows from Python into Power BI: every row checked, every answer honest.

Three lines to a first push, here into the local Power BI that comes with the package:

>>> import powerbi_push as pbi
>>> from powerbi_push.emulator import Emulator
>>> with Emulator() as emulator:
...     schema = pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", {"Id": int, "Item": str})])
...     dataset = emulator.client().create_dataset(schema)
...     result = dataset.table("Orders").push([{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "milk"}])
...     result.confirmed
2
"""

import logging

from powerbi_push import _core
from powerbi_push.client import Client
from powerbi_push.credentials import AccessToken, ClientSecretCredential, EnvironmentCredential
from powerbi_push.dataset import Dataset
from powerbi_push.dataset_schema import DatasetSchema
from powerbi_push.doctor import doctor, doctor_async
from powerbi_push.exceptions import (
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    DeadlineError,
    FeatureRetiredError,
    InDoubtError,
    NotFoundError,
    OutboxError,
    OutboxFullError,
    PayloadTooLargeError,
    PermissionDeniedError,
    PowerBIPushError,
    PushDatasetRetirementWarning,
    RateLimitedError,
    SequenceConflictError,
    ServiceError,
    SourceError,
    TransportError,
    TransportTimeoutError,
    UndeliveredError,
    ValidationError,
)
from powerbi_push.outbox import Outbox, RejectedRow
from powerbi_push.quotas import Plan, Quotas
from powerbi_push.report import Check, Report
from powerbi_push.results import PushResult, RowError, ValidationReport
from powerbi_push.retry import Retry
from powerbi_push.schema import Column, Measure, Relationship, TableSchema
from powerbi_push.sender import Sender, SenderStats
from powerbi_push.streaming import StreamingDataset
from powerbi_push.table import Table
from powerbi_push.targets import push, push_async
from powerbi_push.workspace import Workspace

__all__ = [
    "AccessToken",
    "AuthenticationError",
    "Check",
    "Client",
    "ClientSecretCredential",
    "ClosedError",
    "Column",
    "ConfigurationError",
    "Dataset",
    "DatasetSchema",
    "DeadlineError",
    "EnvironmentCredential",
    "FeatureRetiredError",
    "InDoubtError",
    "Measure",
    "NotFoundError",
    "Outbox",
    "OutboxError",
    "OutboxFullError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "Plan",
    "PowerBIPushError",
    "PushDatasetRetirementWarning",
    "PushResult",
    "Quotas",
    "RateLimitedError",
    "RejectedRow",
    "Relationship",
    "Report",
    "Retry",
    "RowError",
    "Sender",
    "SenderStats",
    "SequenceConflictError",
    "ServiceError",
    "SourceError",
    "StreamingDataset",
    "Table",
    "TableSchema",
    "TransportError",
    "TransportTimeoutError",
    "UndeliveredError",
    "ValidationError",
    "ValidationReport",
    "Workspace",
    "__version__",
    "doctor",
    "doctor_async",
    "push",
    "push_async",
]

__version__ = _core.VERSION

logging.getLogger("powerbi_push").addHandler(logging.NullHandler())
