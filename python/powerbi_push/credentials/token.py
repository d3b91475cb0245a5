"""A token as a credential hands it out."""

from __future__ import annotations

from typing import Any, NamedTuple


class AccessToken(NamedTuple):
    """A token, and when it ends.

    Attributes:
        token: What goes into the header.
        expires_on: In seconds since 1970.
    """

    token: str
    expires_on: int

    def __repr__(self) -> str:
        """Show when it ends, never the token."""
        return f"AccessToken(token=_, expires_on={self.expires_on})"

    def __reduce__(self) -> Any:
        """Refuse: what is pickled can be read."""
        msg = "an access token is a secret and cannot be pickled or copied; fetch one in each process"
        raise TypeError(msg)
