"""The open questions about the service, and the answers that the emulator can be told to give."""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = ["Assumptions"]


class Assumptions(TypedDict, total=False):
    """What the emulator does where nobody has written down what the service does.

    The first answer is the default, and the stricter one.

    Attributes:
        rows_object_on_push_url: Whether a push URL takes ``{"rows": [...]}`` besides an array: ``"refused"`` or
            ``"accepted"``.
        groups_page: The most workspaces that one answer to Get Groups lists, whatever ``$top`` says; all by default.
        filter_case: Whether a ``$filter`` tells upper from lower case in names: ``"sensitive"`` or ``"insensitive"``.
    """

    rows_object_on_push_url: Literal["refused", "accepted"]
    groups_page: int
    filter_case: Literal["sensitive", "insensitive"]
