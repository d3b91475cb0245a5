"""Everything that this package raises.

```
PowerBIPushError(Exception)                .hint .result .help_url
├── ConfigurationError(ValueError)         an argument, a schema or the environment is wrong
├── ValidationError(ValueError)            .errors .error_count: rows do not fit their columns
├── SourceError                            reading your rows raised; the original is __cause__
├── ServiceError                           .status .code .request_id .retry_after
│   ├── AuthenticationError                no valid sign-in
│   ├── PermissionDeniedError              signed in, but not allowed
│   ├── NotFoundError                      the workspace, dataset, table or column is not there
│   ├── RateLimitedError                   .bound_by: a quota holds the request back
│   ├── PayloadTooLargeError               one request is larger than the service takes
│   ├── FeatureRetiredError                the service no longer offers this
│   └── SequenceConflictError              another writer numbers the same table's requests
├── TransportError(ConnectionError)        the service could not be reached
│   └── TransportTimeoutError(TimeoutError)
├── DeadlineError(TimeoutError)            a time limit has passed, your own or one for what the service makes
├── InDoubtError                           some rows ended in doubt; .result.ranges says which
├── UndeliveredError                       rows were left when a sender was closed
├── OutboxError(OSError)
│   └── OutboxFullError
└── ClosedError                            the object was closed
```

Each is made as ``cls(message, *, ...)`` and can be pickled. No message holds a token, a secret or a push URL's query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.delivery.results import row_error
from powerbi_push.documentation import page_of_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from powerbi_push.delivery.results import PushResult, RowError


class PowerBIPushError(Exception):
    """The root of all of this package's exceptions; itself raised for a bug of this package, which is also logged.

    Attributes:
        hint: What to do next, in one sentence; None where there is nothing to add.
        result: What became of each row, where the failure ended a push; None elsewhere.
        help_url: Where the documentation explains this error.
    """

    message: str = ""
    hint: str | None = None
    result: PushResult | None = None

    def __init__(self, message: str = "", *, hint: str | None = None, result: PushResult | None = None) -> None:
        """Make the exception from what happened and what to do next; what may be a key is blotted out of that."""
        message = _core.without_keys(_text(message))
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.result = result

    @property
    def help_url(self) -> str:
        """Where the documentation explains this error; a class of yours is explained as the one of ours below it."""
        ours = next(kind for kind in type(self).__mro__ if kind.__module__ == __name__)
        return page_of_errors(ours.__name__)

    def __str__(self) -> str:
        """What happened, and what to do next."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by message and attributes."""
        return _restore, (type(self), self.message, dict(self.__dict__))


def _text(message: object) -> str:
    if not isinstance(message, str):
        msg = f"`message` must be a str, not {type(message).__name__}"
        raise TypeError(msg)
    return message


def _restore(cls: type[PowerBIPushError], message: str, attributes: dict[str, Any]) -> PowerBIPushError:
    error = cls(message)
    error.__dict__.update(attributes)
    return error


class ConfigurationError(PowerBIPushError, ValueError):
    """An argument, a schema or the environment is wrong; nothing was sent."""


class ValidationError(PowerBIPushError, ValueError):
    """Rows do not fit their columns. The message has one line for each mistake, however many rows it is in.

    Attributes:
        errors: The first problems one by one, as a tuple of `RowError`.
        error_count: How many problems there are in all.
    """

    def __init__(
        self,
        message: str = "",
        *,
        errors: Iterable[RowError] = (),
        error_count: int | None = None,
        hint: str | None = None,
        result: PushResult | None = None,
    ) -> None:
        """Make the exception from the problems of the rows."""
        super().__init__(message, hint=hint, result=result)
        self.errors = _errors(errors)
        self.error_count = len(self.errors) if error_count is None else error_count

    @property
    def help_url(self) -> str:
        """Where the documentation explains this error, or its problems, where all that are listed have one code."""
        codes = {error.code for error in self.errors}
        return page_of_errors(codes.pop()) if len(codes) == 1 else super().help_url


def _errors(errors: Iterable[RowError]) -> tuple[RowError, ...]:
    try:
        return tuple(errors)
    except TypeError:
        msg = f"`errors` must be the problems of rows, not {type(errors).__name__}"
        raise TypeError(msg) from None


class SourceError(PowerBIPushError):
    """Reading your rows raised, or they are not what they say; the original exception is ``__cause__``."""


class ServiceError(PowerBIPushError):
    """The service answered with a refusal.

    Attributes:
        status: The HTTP status; None where our own quota held the request.
        code: The service's word for it, such as ``"TokenExpired"``.
        request_id: The id that Microsoft's support asks for.
        retry_after: How many seconds the service asked to wait.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        hint: str | None = None,
        result: PushResult | None = None,
    ) -> None:
        """Make the exception from what the service answered."""
        super().__init__(message, hint=hint, result=result)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after


class AuthenticationError(ServiceError):
    """There is no valid sign-in."""


class PermissionDeniedError(ServiceError):
    """The sign-in is valid, but it may not do this (401 and 403)."""


class NotFoundError(ServiceError):
    """The workspace, dataset, table or column is not there (404)."""


class RateLimitedError(ServiceError):
    """A quota holds the request back (429, or a wait that reaches past the call's ``timeout``).

    Attributes:
        bound_by: Which limit it is, where that is known.
    """

    def __init__(self, message: str = "", *, bound_by: str | None = None, **answer: Any) -> None:
        """Make the exception from the limit and what the service answered."""
        super().__init__(message, **answer)
        self.bound_by = bound_by


class PayloadTooLargeError(ServiceError):
    """One request is larger than the service takes (413), even with a single row in it."""


class FeatureRetiredError(ServiceError):
    """The service no longer offers this (``FeatureDeprecatedError``)."""


class SequenceConflictError(ServiceError):
    """Another writer numbers the requests of the same table."""


class TransportError(PowerBIPushError, ConnectionError):
    """The service could not be reached, or the connection broke."""


class TransportTimeoutError(TransportError, TimeoutError):
    """Nothing moved for the length of the client's ``timeout``."""


class DeadlineError(PowerBIPushError, TimeoutError):
    """A time limit has passed.

    That of a push is its ``timeout``; ``result`` says how far it came. A dataset that the service is still making after
    two minutes is one too, without a result.
    """


class InDoubtError(PowerBIPushError):
    """Some rows were sent and never answered for; ``result.ranges`` says which."""


class UndeliveredError(PowerBIPushError):
    """Rows could not be delivered before a sender was closed."""


class OutboxError(PowerBIPushError, OSError):
    """The outbox on disk cannot be used."""


class OutboxFullError(OutboxError):
    """The outbox takes no more rows."""


class ClosedError(PowerBIPushError):
    """The object was closed."""


class PushDatasetRetirementWarning(FutureWarning):
    """Power BI stops creating push and streaming datasets after 2027-10-31.

    Source: "Real-time streaming in Power BI", learn.microsoft.com/power-bi/connect-data/service-real-time-streaming.
    """


class OutboxWarning(UserWarning):
    """An outbox was damaged: how many accepted rows are lost, where the program has no handler for the log's line."""


def validation_error(
    *, message: str, errors: list[dict[str, Any]], error_count: int, hint: str | None
) -> ValidationError:
    """Make the error that tells the mistakes in rows; used by the core."""
    listed = [row_error(error) for error in errors]
    return ValidationError(message, errors=listed, error_count=error_count, hint=hint)
