"""How long the server asks to be left alone: by a header, or in its own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from .loss import leaves, read

__all__ = ["retry_after"]

_RETRY_INFO: Final = re.compile(
    r"(?:retrydelay['\"]?: ?['\"]|retry in )([0-9]{1,9}(?:\.[0-9]{1,9})?)s"
)


def retry_after(error: BaseException) -> float | None:
    """Return how many seconds the server asks to be left alone; None where it does not say.

    It says so in the ``Retry-After`` of a refused handshake (RFC 9110, section 10.2.3): a number
    of seconds, or a date, which is read against the response's own ``Date``, so that neither clock
    matters. Google's own errors say it in their text too, as a ``google.rpc.RetryInfo``. Of what
    a group of exceptions says the longest counts.

    Args:
        error: What the attempt or the connection failed with.
    """
    errors = leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    found = [seconds for one in errors for seconds in _asked(one)]
    return max((seconds for seconds in found if seconds is not None), default=None)


def _asked(error: BaseException) -> Iterator[float | None]:
    # aiohttp's errors have the headers themselves.
    response = getattr(error, "response", None)
    yield _seconds_of(getattr(error if response is None else response, "headers", None))
    for said in _RETRY_INFO.findall(read(error).text):
        yield float(said)


def _seconds_of(headers: Any) -> float | None:
    """Read ``Retry-After``."""
    said = _header(headers, "Retry-After")
    if said is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", said):
        return float(said)
    until, now = (_date(text) for text in (said, _header(headers, "Date")))
    return None if until is None or now is None else max(0.0, (until - now).total_seconds())


def _header(headers: Any, name: str) -> str | None:
    try:
        said = headers.get(name)
    except (AttributeError, LookupError):
        # No headers; or the field is there twice, which websockets takes for a failed look-up.
        return None
    return said.strip() if isinstance(said, str) else None


def _date(text: str | None) -> datetime | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 (slow, and rarely needed)

    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date if date.tzinfo is not None else None
