"""A bearer token (RFC 6750): fetched for each request, shown to nobody but the backend."""

from __future__ import annotations

import re
from collections.abc import Callable

from obfnet.errors import TokenUnavailableError

#: The token itself, or what gives the current one.
TokenSource = str | Callable[[], str]
_FORM = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


def current(source: TokenSource) -> str:
    """The token to send now.

    No message and no chained error quotes it, or what its source said.

    Raises:
        TokenUnavailableError: the source failed, or what it gave is no token.
    """
    try:
        token = source if isinstance(source, str) else source()
    except Exception as error:  # the source is the caller's own
        name = type(error).__name__
        raise TokenUnavailableError(f"the token's source failed with {name}") from None
    if not isinstance(token, str) or not _FORM.fullmatch(token):
        raise TokenUnavailableError(
            "the token is no text of letters, digits and -._~+/ as RFC 6750 wants it: check where "
            "it comes from, for a line's end for example"
        )
    return token
