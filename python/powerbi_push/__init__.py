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
from powerbi_push.lazily import Lazily

# Importing this package costs next to nothing: each name loads its module when it is first asked for.
_NAMES = Lazily(globals())
with _NAMES:
    from powerbi_push import microstrategy as microstrategy
    from powerbi_push.calls.options import CheckOptions as CheckOptions
    from powerbi_push.calls.options import LoadOptions as LoadOptions
    from powerbi_push.calls.options import ModelOptions as ModelOptions
    from powerbi_push.calls.options import PushOptions as PushOptions
    from powerbi_push.calls.options import RowOptions as RowOptions
    from powerbi_push.calls.options import SenderOptions as SenderOptions
    from powerbi_push.credentials.azure_cli import AzureCliCredential as AzureCliCredential
    from powerbi_push.credentials.browser import InteractiveBrowserCredential as InteractiveBrowserCredential
    from powerbi_push.credentials.certificate import CertificateCredential as CertificateCredential
    from powerbi_push.credentials.client_secret import ClientSecretCredential as ClientSecretCredential
    from powerbi_push.credentials.default import DefaultAzureCredential as DefaultAzureCredential
    from powerbi_push.credentials.device_code import DeviceCodeCredential as DeviceCodeCredential
    from powerbi_push.credentials.environment import EnvironmentCredential as EnvironmentCredential
    from powerbi_push.credentials.login import logout as logout
    from powerbi_push.credentials.managed_identity import ManagedIdentityCredential as ManagedIdentityCredential
    from powerbi_push.credentials.token import AccessToken as AccessToken
    from powerbi_push.credentials.workload_identity import WorkloadIdentityCredential as WorkloadIdentityCredential
    from powerbi_push.delivery.outbox import Outbox as Outbox
    from powerbi_push.delivery.outbox import RejectedRow as RejectedRow
    from powerbi_push.delivery.progress import Progress as Progress
    from powerbi_push.delivery.results import PushResult as PushResult
    from powerbi_push.delivery.results import RowError as RowError
    from powerbi_push.delivery.results import ValidationReport as ValidationReport
    from powerbi_push.delivery.retry import Retry as Retry
    from powerbi_push.delivery.sender import Sender as Sender
    from powerbi_push.delivery.sender import SenderStats as SenderStats
    from powerbi_push.diagnosis.doctor import doctor as doctor
    from powerbi_push.diagnosis.doctor import doctor_async as doctor_async
    from powerbi_push.diagnosis.report import Check as Check
    from powerbi_push.diagnosis.report import Report as Report
    from powerbi_push.emulator import Emulator as Emulator
    from powerbi_push.exceptions import AuthenticationError as AuthenticationError
    from powerbi_push.exceptions import ClosedError as ClosedError
    from powerbi_push.exceptions import ConfigurationError as ConfigurationError
    from powerbi_push.exceptions import DeadlineError as DeadlineError
    from powerbi_push.exceptions import FeatureRetiredError as FeatureRetiredError
    from powerbi_push.exceptions import InDoubtError as InDoubtError
    from powerbi_push.exceptions import NotFoundError as NotFoundError
    from powerbi_push.exceptions import OutboxError as OutboxError
    from powerbi_push.exceptions import OutboxFullError as OutboxFullError
    from powerbi_push.exceptions import OutboxWarning as OutboxWarning
    from powerbi_push.exceptions import PayloadTooLargeError as PayloadTooLargeError
    from powerbi_push.exceptions import PermissionDeniedError as PermissionDeniedError
    from powerbi_push.exceptions import PowerBIPushError as PowerBIPushError
    from powerbi_push.exceptions import PushDatasetRetirementWarning as PushDatasetRetirementWarning
    from powerbi_push.exceptions import RateLimitedError as RateLimitedError
    from powerbi_push.exceptions import SequenceConflictError as SequenceConflictError
    from powerbi_push.exceptions import ServiceError as ServiceError
    from powerbi_push.exceptions import SourceError as SourceError
    from powerbi_push.exceptions import TransportError as TransportError
    from powerbi_push.exceptions import TransportTimeoutError as TransportTimeoutError
    from powerbi_push.exceptions import UndeliveredError as UndeliveredError
    from powerbi_push.exceptions import ValidationError as ValidationError
    from powerbi_push.powerbi.client import Client as Client
    from powerbi_push.powerbi.dataset import Dataset as Dataset
    from powerbi_push.powerbi.quotas import Plan as Plan
    from powerbi_push.powerbi.quotas import Quotas as Quotas
    from powerbi_push.powerbi.streaming import StreamingDataset as StreamingDataset
    from powerbi_push.powerbi.table import Table as Table
    from powerbi_push.powerbi.targets import push as push
    from powerbi_push.powerbi.targets import push_async as push_async
    from powerbi_push.powerbi.workspace import Workspace as Workspace
    from powerbi_push.schema.dataset import DatasetSchema as DatasetSchema
    from powerbi_push.schema.table import Column as Column
    from powerbi_push.schema.table import Measure as Measure
    from powerbi_push.schema.table import Relationship as Relationship
    from powerbi_push.schema.table import TableSchema as TableSchema

__version__ = _core.VERSION

# What `typing` calls so, without `typing`.
TYPE_CHECKING = False
if not TYPE_CHECKING:  # type checkers read the imports; of what is here they would believe less, or too much
    __all__ = sorted(["__version__", *_NAMES.homes])  # noqa: PLE0605 - it is a list

    def __getattr__(name: str) -> object:
        return _NAMES.load(name)

    def __dir__() -> list[str]:
        """Name what is for users, and none of the modules that it comes from."""
        return list(__all__)
