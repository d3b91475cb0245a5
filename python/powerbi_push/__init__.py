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

from powerbi_push import _core

# What `typing` calls so, without `typing`: importing this package costs next to nothing, and each name loads its
# module when it is first asked for. The names stand here three times, since type checkers and editors run nothing: they
# read imports and a list of words. A test holds the three against each other.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from powerbi_push import microstrategy
    from powerbi_push.calls.options import (
        CheckOptions,
        LoadOptions,
        ModelOptions,
        PushOptions,
        RowOptions,
        SenderOptions,
    )
    from powerbi_push.credentials.azure_cli import AzureCliCredential
    from powerbi_push.credentials.browser import InteractiveBrowserCredential
    from powerbi_push.credentials.certificate import CertificateCredential
    from powerbi_push.credentials.client_secret import ClientSecretCredential
    from powerbi_push.credentials.default import DefaultAzureCredential
    from powerbi_push.credentials.device_code import DeviceCodeCredential
    from powerbi_push.credentials.environment import EnvironmentCredential
    from powerbi_push.credentials.login import logout
    from powerbi_push.credentials.managed_identity import ManagedIdentityCredential
    from powerbi_push.credentials.token import AccessToken
    from powerbi_push.credentials.workload_identity import WorkloadIdentityCredential
    from powerbi_push.delivery.outbox import Outbox, RejectedRow
    from powerbi_push.delivery.progress import Progress
    from powerbi_push.delivery.results import PushResult, RowError, ValidationReport
    from powerbi_push.delivery.retry import Retry
    from powerbi_push.delivery.sender import Sender, SenderStats
    from powerbi_push.diagnosis.doctor import doctor, doctor_async
    from powerbi_push.diagnosis.report import Check, Report
    from powerbi_push.emulator import Emulator
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
        OutboxWarning,
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
    from powerbi_push.powerbi.client import Client
    from powerbi_push.powerbi.dataset import Dataset
    from powerbi_push.powerbi.quotas import Plan, Quotas
    from powerbi_push.powerbi.streaming import StreamingDataset
    from powerbi_push.powerbi.table import Table
    from powerbi_push.powerbi.targets import push, push_async
    from powerbi_push.powerbi.workspace import Workspace
    from powerbi_push.schema.dataset import DatasetSchema
    from powerbi_push.schema.table import Column, Measure, Relationship, TableSchema

__all__ = [
    "AccessToken",
    "AuthenticationError",
    "AzureCliCredential",
    "CertificateCredential",
    "Check",
    "CheckOptions",
    "Client",
    "ClientSecretCredential",
    "ClosedError",
    "Column",
    "ConfigurationError",
    "Dataset",
    "DatasetSchema",
    "DeadlineError",
    "DefaultAzureCredential",
    "DeviceCodeCredential",
    "Emulator",
    "EnvironmentCredential",
    "FeatureRetiredError",
    "InDoubtError",
    "InteractiveBrowserCredential",
    "LoadOptions",
    "ManagedIdentityCredential",
    "Measure",
    "ModelOptions",
    "NotFoundError",
    "Outbox",
    "OutboxError",
    "OutboxFullError",
    "OutboxWarning",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "Plan",
    "PowerBIPushError",
    "Progress",
    "PushDatasetRetirementWarning",
    "PushOptions",
    "PushResult",
    "Quotas",
    "RateLimitedError",
    "RejectedRow",
    "Relationship",
    "Report",
    "Retry",
    "RowError",
    "RowOptions",
    "Sender",
    "SenderOptions",
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
    "WorkloadIdentityCredential",
    "Workspace",
    "__version__",
    "doctor",
    "doctor_async",
    "logout",
    "microstrategy",
    "push",
    "push_async",
]

__version__ = _core.VERSION

# Where the names are that are no exceptions.
_NAMES = {
    "powerbi.client": "Client",
    "credentials.azure_cli": "AzureCliCredential",
    "credentials.browser": "InteractiveBrowserCredential",
    "credentials.certificate": "CertificateCredential",
    "credentials.client_secret": "ClientSecretCredential",
    "credentials.default": "DefaultAzureCredential",
    "credentials.device_code": "DeviceCodeCredential",
    "credentials.environment": "EnvironmentCredential",
    "credentials.login": "logout",
    "credentials.managed_identity": "ManagedIdentityCredential",
    "credentials.token": "AccessToken",
    "credentials.workload_identity": "WorkloadIdentityCredential",
    "powerbi.dataset": "Dataset",
    "schema.dataset": "DatasetSchema",
    "diagnosis.doctor": "doctor doctor_async",
    "emulator": "Emulator",
    "microstrategy": "microstrategy",
    "calls.options": "CheckOptions LoadOptions ModelOptions PushOptions RowOptions SenderOptions",
    "delivery.outbox": "Outbox RejectedRow",
    "delivery.progress": "Progress",
    "powerbi.quotas": "Plan Quotas",
    "diagnosis.report": "Check Report",
    "delivery.results": "PushResult RowError ValidationReport",
    "delivery.retry": "Retry",
    "schema.table": "Column Measure Relationship TableSchema",
    "delivery.sender": "Sender SenderStats",
    "powerbi.streaming": "StreamingDataset",
    "powerbi.table": "Table",
    "powerbi.targets": "push push_async",
    "powerbi.workspace": "Workspace",
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}


if not TYPE_CHECKING:  # or every name would be known to type checkers

    def __getattr__(name: str) -> object:
        if name not in __all__:
            message = f"module 'powerbi_push' has no attribute {name!r}"
            raise AttributeError(message)
        from importlib import import_module  # noqa: PLC0415 - whoever asks for nothing pays for nothing

        home = import_module(f"powerbi_push.{_HOMES.get(name, 'exceptions')}")
        value: object = home if name == "microstrategy" else getattr(home, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Name what is for users, and none of the modules that it comes from."""
    return list(__all__)
