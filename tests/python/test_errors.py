"""What the service says when it refuses, in each of the shapes that were seen, becomes an exception with its words."""

from __future__ import annotations

import json
import pickle
from typing import Any, NamedTuple

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, orders
from fault_server import FaultServer, closed_port, http
from powerbi_push.emulator import Emulator

_DETAIL = "The property 'compatibilityLevel' does not exist on type 'Microsoft.PowerBI.ServiceContracts.Api.Dataset'."
_RETIRED = (
    "Creation of streaming dataset is deprecated. We recommend exploring Real-Time Intelligence in Microsoft Fabric."
)
_QUOTA = (
    "You have exceeded the amount of requests allowed in the current time frame and further requests will fail. "
    "Retry in 3392 seconds."
)


class Case(NamedTuple):
    """A refusal, and what must come of it."""

    status: int
    body: Any
    error: type[pbi.ServiceError]
    code: str | None
    words: str


BODIES = {
    "a, ended token": Case(
        403,
        {"error": {"code": "TokenExpired", "message": "Access token has expired, resubmit with a new access token"}},
        pbi.AuthenticationError,
        "TokenExpired",
        "Access token has expired, resubmit with a new access token",
    ),
    "b, details": Case(
        400,
        {
            "error": {
                "code": "BadRequest",
                "message": "Bad Request",
                "details": [{"message": _DETAIL, "target": "dataset"}],
            }
        },
        pbi.ServiceError,
        "BadRequest",
        f"BadRequest: Bad Request {_DETAIL}",
    ),
    "d, retired": Case(
        400,
        {
            "error": {
                "code": "FeatureDeprecatedError",
                "pbi.error": {
                    "code": "FeatureDeprecatedError",
                    "details": [
                        {"code": "LearnMoreLink", "detail": {"type": 0, "value": "https://example.org/more"}},
                        {"code": "FeatureDeprecatedMessage", "detail": {"type": 0, "value": _RETIRED}},
                    ],
                    "exceptionCulprit": 1,
                },
            }
        },
        pbi.FeatureRetiredError,
        "FeatureDeprecatedError",
        _RETIRED,
    ),
    "d, with parameters only": Case(
        404,
        {"error": {"code": "PowerBIEntityNotFound", "pbi.error": {"code": "X", "parameters": {}, "details": []}}},
        pbi.NotFoundError,
        "PowerBIEntityNotFound",
        "404: PowerBIEntityNotFound",
    ),
    "e, quota": Case(429, {"message": _QUOTA}, pbi.RateLimitedError, None, _QUOTA),
    "f, 401": Case(
        401,
        {"Message": "API is not accessible for application"},
        pbi.PermissionDeniedError,
        None,
        "API is not accessible for application",
    ),
    "f, 403": Case(
        403,
        {"Message": "API is not accessible for application"},
        pbi.PermissionDeniedError,
        None,
        "API is not accessible for application",
    ),
    "g, nothing with 403": Case(403, "", pbi.PermissionDeniedError, None, "the service answered 403"),
    "g, nothing with 404": Case(404, "", pbi.NotFoundError, None, "the service answered 404"),
    "g, nothing with 401": Case(401, "", pbi.AuthenticationError, None, "the service answered 401"),
    "g, text": Case(400, "An error has occurred", pbi.ServiceError, None, "400: An error has occurred"),
    "without an envelope": Case(
        404,
        {"code": "ItemNotFound", "message": "Dataset 7 is not Push API dataset."},
        pbi.NotFoundError,
        "ItemNotFound",
        "ItemNotFound: Dataset 7 is not Push API dataset.",
    ),
    "marked as personal": Case(
        404,
        {"error": {"code": "ItemNotFound", "message": "Table '<pi>Cr</pi>' not found in dataset 'name|guid'"}},
        pbi.NotFoundError,
        "ItemNotFound",
        "Table 'Cr' not found in dataset 'name|guid'",
    ),
    "streaming columns": Case(
        400,
        {"error": {"code": "InvalidRequest", "message": "This dataset does not support column properties."}},
        pbi.ServiceError,
        "InvalidRequest",
        "InvalidRequest: This dataset does not support column properties.",
    ),
    "not what was expected": Case(400, [1, {"error": 7}], pbi.ServiceError, None, "the service answered 400"),
    "half of a JSON": Case(400, '{"error":{"code":"Bad', pbi.ServiceError, None, "400"),
    "nulls": Case(400, {"error": {"code": None, "message": None, "details": None}}, pbi.ServiceError, None, "400"),
    "an error of text": Case(400, {"error": "invalid_client"}, pbi.ServiceError, "invalid_client", "invalid_client"),
}


def text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES)
def test_a_push_that_is_refused_carries_the_services_words(powerbi: Emulator, case: Case) -> None:
    table = make_table(powerbi, retry=None)
    powerbi.fail_next(case.status, body=text(case.body), route="Datasets_PostRows", times=2)
    with pytest.raises(case.error) as caught:
        table.push(orders(3))
    assert type(caught.value) is case.error
    assert (caught.value.status, caught.value.code) == (case.status, case.code)
    assert case.words in caught.value.message
    result = check_account(caught.value.result, arrived(powerbi))
    assert caught.value.request_id == result.request_ids[-1]


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES)
def test_an_operation_that_is_refused_carries_the_services_words(powerbi: Emulator, case: Case) -> None:
    client = powerbi.client(retry=None)
    powerbi.fail_next(case.status, body=text(case.body), times=2)
    with pytest.raises(case.error) as caught:
        client.datasets()
    assert type(caught.value) is case.error
    assert (caught.value.status, caught.value.code) == (case.status, case.code)
    assert case.words in caught.value.message
    assert caught.value.request_id
    assert caught.value.result is None


def test_a_general_exception_while_rows_are_pushed_is_doubt_with_its_words(powerbi: Emulator) -> None:
    lock = "AcquireLockTimeoutException"
    body = {
        "error": {
            "code": "GeneralException",
            "message": "Failed to process dataset PostRows",
            "target": "PostRows",
            "details": [{"message": lock}],
        }
    }
    table = make_table(powerbi, retry=None)
    powerbi.fail_next(500, body=json.dumps(body), route="Datasets_PostRows")
    with pytest.raises(
        pbi.InDoubtError, match=f"GeneralException: Failed to process dataset PostRows {lock}"
    ) as caught:
        table.push(orders(3))
    cause = caught.value.__cause__
    assert isinstance(cause, pbi.ServiceError)
    assert (cause.status, cause.code) == (500, "GeneralException")
    assert check_account(caught.value.result, arrived(powerbi)).in_doubt == 3


def test_a_general_exception_while_listing_is_tried_again(virtual: Emulator) -> None:
    client = virtual.client()
    virtual.fail_next(500, times=3)
    assert client.datasets() == []
    assert len(virtual.requests) == 4


def test_a_dataset_is_never_created_twice_by_trying_again(virtual: Emulator) -> None:
    schema = pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", {"Id": int})])
    client = virtual.client()
    virtual.fail_next(500, route="Datasets_PostDataset")
    with pytest.raises(pbi.ServiceError):
        client.create_dataset(schema)
    assert [request.operation for request in virtual.requests].count("Datasets_PostDataset") == 1


def test_a_told_wait_is_carried(powerbi: Emulator) -> None:
    client = powerbi.client(retry=None)
    powerbi.fail_next(429, retry_after=3_392)
    with pytest.raises(pbi.RateLimitedError) as caught:
        client.datasets()
    assert caught.value.retry_after == 3_392.0
    assert caught.value.status == 429
    powerbi.fail_next(429)
    with pytest.raises(pbi.RateLimitedError) as caught:
        client.datasets()
    assert caught.value.retry_after is None


HINTS = [
    (400, None, None),
    (401, "check the credential", pbi.AuthenticationError),
    (403, "write access to the workspace", pbi.PermissionDeniedError),
    (404, "check the ids and names", pbi.NotFoundError),
    (413, "fewer or smaller rows", pbi.PayloadTooLargeError),
    (429, "retry_after", pbi.RateLimitedError),
]


@pytest.mark.parametrize(("status", "hint", "error"), HINTS)
def test_an_error_says_what_to_do_next(
    powerbi: Emulator, status: int, hint: str | None, error: type[pbi.ServiceError] | None
) -> None:
    client = powerbi.client(retry=None)
    powerbi.fail_next(status, body="", times=2)
    with pytest.raises(error or pbi.ServiceError) as caught:
        client.datasets()
    if hint is None:
        assert caught.value.hint is None
        assert str(caught.value) == caught.value.message
    else:
        assert hint in (caught.value.hint or "")
        assert str(caught.value) == f"{caught.value.message}\nhint: {caught.value.hint}"


@pytest.mark.parametrize(
    "nasty",
    [
        "\x1b[2J\x1b]0;owned\x07gone",
        "first\r\nSet-Cookie: second",
        "nul\x00bel\x07",
        "c1\x9b31mred",
        "\u202eevil\u202c",
        "line\u2028separator\u2029",
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_nothing_that_moves_a_terminal_comes_through(
    powerbi: Emulator,
    nasty: str,
    as_json: bool,  # noqa: FBT001 - pytest gives it by its name
) -> None:
    client = powerbi.client()
    powerbi.fail_next(400, body=json.dumps({"error": {"code": nasty, "message": nasty}}) if as_json else nasty)
    with pytest.raises(pbi.ServiceError) as caught:
        client.datasets()
    for text_of_service in (caught.value.message, caught.value.code or ""):
        assert not [letter for letter in text_of_service if not letter.isprintable()]
        assert len(text_of_service.splitlines()) <= 1


def test_a_request_id_that_moves_a_terminal_does_not_come_through() -> None:
    with FaultServer(http(400, request_id=False, RequestId="a\x9b31mb")) as server:
        with pytest.raises(pbi.ServiceError) as caught:
            server.table().push(orders(1))
        assert (caught.value.request_id or "").isprintable()


def test_a_very_long_message_is_cut(powerbi: Emulator) -> None:
    client = powerbi.client()
    powerbi.fail_next(400, body=json.dumps({"error": {"code": "c" * 100_000, "message": "m" * 100_000}}))
    with pytest.raises(pbi.ServiceError) as caught:
        client.datasets()
    assert len(str(caught.value)) < 3_000


def test_very_deep_json_is_an_answer_like_any_other(powerbi: Emulator) -> None:
    client = powerbi.client()
    powerbi.fail_next(400, body="[" * 100_000 + "]" * 100_000)
    with pytest.raises(pbi.ServiceError) as caught:
        client.datasets()
    assert caught.value.status == 400


@pytest.mark.parametrize("body", ["", "[]", "null", '{"value": 7}', '{"value": [{"name": "no id"}]}', "<html>"])
def test_a_success_that_makes_no_sense_is_an_error_that_says_so(powerbi: Emulator, body: str) -> None:
    client = powerbi.client(retry=None)
    powerbi.fail_next(200, body=body)
    with pytest.raises(pbi.ServiceError, match="cannot be read") as caught:
        client.datasets()
    assert "base_url" in (caught.value.hint or "")


def test_a_success_with_a_refusal_in_it_is_no_list_of_datasets(powerbi: Emulator) -> None:
    client = powerbi.client(retry=None)
    powerbi.fail_next(200, body='{"message": "API is not accessible for application"}')
    with pytest.raises(pbi.ServiceError):
        client.datasets()


def test_a_host_that_cannot_be_reached_is_a_transport_error_without_an_address() -> None:
    url = closed_port()
    with pytest.raises(pbi.TransportError) as caught:
        pbi.Client("opaque", base_url=url, retry=None).datasets()
    assert "/v1.0" not in str(caught.value)
    assert "HTTPS_PROXY" in (caught.value.hint or "")


def test_certificates_are_always_checked() -> None:
    # Its certificate is good, and nobody has vouched for it.
    with Emulator(tls=True) as emulator:
        client = pbi.Client("opaque", base_url=emulator.url, retry=None)
        with pytest.raises(pbi.TransportError, match="certificate"):
            client.datasets()
        assert list(emulator.requests) == []


# The tree.

TREE: dict[type[Exception], tuple[type[BaseException], ...]] = {
    pbi.PowerBIPushError: (Exception,),
    pbi.ConfigurationError: (pbi.PowerBIPushError, ValueError),
    pbi.ValidationError: (pbi.PowerBIPushError, ValueError),
    pbi.SourceError: (pbi.PowerBIPushError,),
    pbi.ServiceError: (pbi.PowerBIPushError,),
    pbi.AuthenticationError: (pbi.ServiceError,),
    pbi.PermissionDeniedError: (pbi.ServiceError,),
    pbi.NotFoundError: (pbi.ServiceError,),
    pbi.RateLimitedError: (pbi.ServiceError,),
    pbi.PayloadTooLargeError: (pbi.ServiceError,),
    pbi.FeatureRetiredError: (pbi.ServiceError,),
    pbi.SequenceConflictError: (pbi.ServiceError,),
    pbi.TransportError: (pbi.PowerBIPushError, ConnectionError),
    pbi.TransportTimeoutError: (pbi.TransportError, TimeoutError),
    pbi.DeadlineError: (pbi.PowerBIPushError, TimeoutError),
    pbi.InDoubtError: (pbi.PowerBIPushError,),
    pbi.UndeliveredError: (pbi.PowerBIPushError,),
    pbi.OutboxError: (pbi.PowerBIPushError, OSError),
    pbi.OutboxFullError: (pbi.OutboxError,),
    pbi.ClosedError: (pbi.PowerBIPushError,),
}


@pytest.mark.parametrize(("error", "bases"), TREE.items())
def test_each_error_is_caught_by_its_bases_and_made_from_a_message(
    error: type[pbi.PowerBIPushError], bases: tuple[type[BaseException], ...]
) -> None:
    assert all(issubclass(error, base) for base in bases)
    made = error("what happened", hint="what to do")
    assert (made.message, made.hint, made.result) == ("what happened", "what to do", None)
    assert str(made) == "what happened\nhint: what to do"


@pytest.mark.parametrize("error", TREE)
def test_an_error_is_made_from_text_alone(error: type[pbi.PowerBIPushError]) -> None:
    for message, kind in ((None, "NoneType"), (True, "bool"), (b"x", "bytes")):
        with pytest.raises(TypeError, match=f"^`message` must be a str, not {kind}$"):
            error(message)  # type: ignore[arg-type]
    problems: Any = None
    with pytest.raises(TypeError, match=r"^`errors` must be the problems of rows, not NoneType$"):
        pbi.ValidationError("m", errors=problems)


@pytest.mark.parametrize("error", TREE)
def test_each_error_survives_a_pickle(error: type[pbi.PowerBIPushError]) -> None:
    made = error("what happened", hint="what to do", result=pbi.PushResult(read=1, unsent=1))
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert type(again) is error
    assert (str(again), vars(again)) == (str(made), vars(made))


def test_a_refusal_survives_a_pickle_with_everything_it_carries(virtual: Emulator) -> None:
    table = make_table(virtual, retry=None)
    virtual.fail_next(429, retry_after=7, route="Datasets_PostRows")
    with pytest.raises(pbi.RateLimitedError) as caught:
        table.push(orders(3))
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert vars(again) == vars(caught.value)
    assert (again.status, again.retry_after, again.result.unsent) == (429, 7.0, 3)
    assert again.request_id == caught.value.request_id
