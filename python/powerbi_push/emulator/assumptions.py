"""The open questions about the service, and the answers that the emulator can be told to give."""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = ["Assumptions"]


class Assumptions(TypedDict, total=False):
    """What the emulator does where nobody has written down what the service does.

    The first answer is the default, and the stricter one unless a library of the vendor's would not stand that.

    Attributes:
        rows_object_on_push_url: Whether a push URL takes ``{"rows": [...]}`` besides an array: ``"refused"`` or
            ``"accepted"``.
        groups_page: The most workspaces that one answer to Get Groups lists, whatever ``$top`` says; all by default.
        filter_case: Whether a ``$filter`` tells upper from lower case in names: ``"sensitive"`` or ``"insensitive"``.
        answer_names: Whether answers spell the names of their properties as the ``"examples"`` of the service's
            description do (``isRefreshable``, ``@odata.context``) or as its ``"definitions"`` (``IsRefreshable``,
            ``odata.context``).
        creation: Whether a new dataset is there at once (``"created"``, 201) or appears later (``"accepted"``, 202).
        accepted_gets: How many times such a dataset is asked for in vain, by itself or in a list; 2 by default.
        accepted_seconds: For how many seconds of the emulator's time such a dataset is not there; 0 by default.
        app_refusal: The status with which a service principal is told that the API is not for it: ``"403"``, ``"401"``,
            or ``"200"`` with the refusal as the body.
        not_a_member: The status with which somebody is told that a workspace is not theirs: ``"403"``, ``"404"`` or
            ``"401"``.
        tables_answer: What Get Tables tells of each table: its ``"names"`` only, or its ``"schema"``.
        rows_after_update: What becomes of the rows when the schema of their table is updated: ``"lost"`` or ``"kept"``.
        sequence_numbers: What the header ``X-PowerBI-PushData-SequenceNumber`` does with a number that is not above the
            last one: the service ``"refuses"`` it, ``"deduplicates"`` (success, nothing added), ``"ignores"`` it, or
            knows no numbers at all (``"missing"``: it has no operation that lists them either).
        sequence_gaps: Whether a number may leave some out: ``"refused"`` or ``"accepted"``.
        sequence_after_delete: What becomes of a table's numbers when its rows are deleted: ``"lost"`` or ``"kept"``.
        windows: How the time is cut by which requests and rows are counted: ``"sliding"``, every span of time however
            it is placed, or ``"fixed"``, one span after the other.
        phase: How many seconds fixed windows had run when the emulator's clock started; 0 by default.
        retry_after: How a refusal says when to come back: in ``"seconds"``, at a ``"date"``, or ``"absent"``.
        licence: Whose rows an hour there are: ``"pro"``, 1,000,000, or ``"free"``, 10,000.
        used_assertions: What becomes of an app's assertion whose ``jti`` came before: it is ``"accepted"``, as msal
            needs it, or ``"refused"``.
    """

    rows_object_on_push_url: Literal["refused", "accepted"]
    groups_page: int
    filter_case: Literal["sensitive", "insensitive"]
    answer_names: Literal["examples", "definitions"]
    creation: Literal["created", "accepted"]
    accepted_gets: int
    accepted_seconds: float
    app_refusal: Literal["403", "401", "200"]
    not_a_member: Literal["403", "404", "401"]
    tables_answer: Literal["names", "schema"]
    rows_after_update: Literal["lost", "kept"]
    sequence_numbers: Literal["refuses", "deduplicates", "ignores", "missing"]
    sequence_gaps: Literal["refused", "accepted"]
    sequence_after_delete: Literal["lost", "kept"]
    windows: Literal["sliding", "fixed"]
    phase: float
    retry_after: Literal["seconds", "date", "absent"]
    licence: Literal["pro", "free"]
    used_assertions: Literal["accepted", "refused"]
