"""What a lost connection looked like: the facts that every classification starts from.

A failure of the Live API has several faces. ``receive()`` wraps the WebSocket close in an
``APIError`` whose code is the close code, ``send_*()`` raises the raw ``ConnectionClosed``, a
refused handshake is an ``InvalidStatus``, a dead network an ``OSError``. `read` brings them to one
form, a `Symptom`, without importing the libraries that raise them: it knows their classes by name.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from reconnect._numbers import is_number, is_whole

__all__ = [
    "ABNORMAL_CLOSURE",
    "PROOF_AGE",
    "Family",
    "Loss",
    "Phase",
    "Symptom",
    "facets",
    "leaves",
    "read",
    "text_of",
]

LOWEST_CLOSE_CODE: Final = 1000
"""The close codes begin where the HTTP statuses have long ended (RFC 6455, section 7.4.2)."""

NORMAL_CLOSURE: Final = 1000
"""The close code of an end that was meant (RFC 6455, section 7.4.1)."""

PROOF_AGE: Final = 10.0
"""Seconds: a connection that ends before this age has proven nothing."""

ABNORMAL_CLOSURE: Final = 1006
"""The close code that stands for "no close frame came" (RFC 6455, section 7.1.5)."""

TEST_BROKE: Final = 4919
"""The close code by which the emulator says that a test's own model raised: a private one (RFC
6455, section 7.4.2), which nobody else is known to use."""


class Phase(StrEnum):
    """How far a connection had come when it was lost."""

    CONNECT = "connect"
    """The WebSocket handshake and everything before it: the Live API has seen nothing yet."""

    SETUP = "setup"
    """The setup was sent, with or without a handle; setupComplete has not arrived yet."""

    SESSION = "session"
    """setupComplete has arrived."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A lost connection, or a failed attempt.

    Args:
        error: The exception, as the SDK, websockets or the operating system raised it.
        phase: How far the connection had come.
        resumed: Whether this connection was opened with a handle.
        handle: Whether a handle is currently held, so that a resume is possible.
        age: Seconds since setupComplete; 0 before it.
        go_away: Whether a go_away arrived on this connection.
        closing: Whether the caller asked to close.
        repeats: How many consecutive losses before this one were the same failure, on connections
            of the same kind (resumed or new) that never proved themselves.
        restarting: Whether a new session has already been decided on, and none has proved itself
            since.

    Raises:
        TypeError: If ``error`` is not an exception.
        ValueError: If ``age`` is negative or not a finite number, ``phase`` is not a phase, or
            ``repeats`` is negative or not a whole number.
    """

    error: BaseException
    phase: Phase = Phase.SESSION
    resumed: bool = False
    handle: bool = False
    age: float = 0.0
    go_away: bool = False
    closing: bool = False
    repeats: int = 0
    restarting: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.error, BaseException):
            raise TypeError(f"error must be an exception, got {self.error!r}")
        if self.phase.__class__ is not Phase:
            object.__setattr__(self, "phase", Phase(self.phase))
        if not (is_number(self.age) and 0 <= self.age < math.inf):
            raise ValueError(f"age must be a finite number of seconds, 0 or more, got {self.age!r}")
        if not (is_whole(self.repeats) and self.repeats >= 0):
            raise ValueError(f"repeats must be a whole number, 0 or more, got {self.repeats!r}")


class Family(StrEnum):
    """The kinds of failure that are told apart before any code or text is read."""

    CLOSE = "a WebSocket close"
    STATUS = "an HTTP status"
    HANDSHAKE = "a failed WebSocket handshake"
    TRANSPORT = "a failure of the network"
    FOREIGN = "an exception from elsewhere"


@dataclass(frozen=True, slots=True)
class Symptom:
    """An exception, brought to the form that the error table reads.

    Args:
        family: What kind of failure it is.
        code: The close code or HTTP status; None where there is none.
        text: The close reason or error text, in lower case.
        names: The names of the exception's class and of those it inherits from.
    """

    family: Family
    code: int | None
    text: str
    names: frozenset[str] = field(default=frozenset(), compare=False)


Facets: TypeAlias = tuple[Family, int | None, str, frozenset[str]]
"""The fields of a `Symptom`, in order."""


def read(error: BaseException) -> Symptom:
    """Bring an exception to one form.

    A close that this side began reads as 1006, with what was sent as its text: a local keepalive
    timeout sends 1011, which must not pass for the server's own 1011, also where the server has
    echoed it. What the SDK raises over a close is read from the close itself, which is chained to
    it. A bare ``ConnectionError`` raised ``from`` a close or an HTTP status is read as that. Of a
    group of exceptions one is read: what is no failure of a connection before what is, and what
    the server has said before what has happened to the line.

    Args:
        error: Any exception.
    """
    return Symptom(*facets(error))


def facets(error: BaseException) -> Facets:
    """Return the fields of a `Symptom`, in order, as a bare tuple.

    For whoever reads many: to build the symptom takes as long as to decide about it.

    Args:
        error: Any exception.
    """
    if isinstance(error, BaseExceptionGroup):
        return min(map(facets, leaves(error)), key=lambda found: _WEIGHT.index(found[0]))
    raised: Any = error  # since mypy has no class for hashable
    how, names = _nature(raised.__class__)
    family, code, text = how(raised)
    if family is Family.TRANSPORT and raised.__cause__ is not None and _says_nothing(raised):
        cause, cause_names = _nature(raised.__cause__.__class__)
        found = cause(raised.__cause__)
        if found[0] in _SAID:
            (family, code, text), names = found, cause_names
    return family, code, text.lower(), names


def leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """Yield the exceptions that a group is made of, those of the groups in it too.

    Args:
        group: The group.
    """
    waiting: list[BaseException] = [group]
    # No recursion: how deep groups are nested is somebody else's choice.
    while waiting:
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting += reversed(error.exceptions)
        else:
            yield error


def text_of(error: BaseException) -> str:
    """Return what an error says; nothing where it fails over that.

    Args:
        error: Any exception.
    """
    try:
        return str(error)
    except Exception:
        return ""


_Found: TypeAlias = tuple[Family, int | None, str]

_TEXT_LIMIT: Final = 4000
"""Characters of a text that are read: what is wrong stands at its beginning."""

_SAID: Final = frozenset({Family.CLOSE, Family.STATUS})

_WEIGHT: Final = (
    Family.FOREIGN,
    Family.STATUS,
    Family.CLOSE,
    Family.HANDSHAKE,
    Family.TRANSPORT,
)
"""Which exception of a group is read: the first of these that is in it."""


def _api_error(error: Any) -> _Found:
    """Read what the SDK raises: over a close, over a frame with a status, over an HTTP request."""
    code = error.code if isinstance(error.code, int) else None
    if code is None or code < LOWEST_CLOSE_CODE:
        return Family.STATUS, code, str(error.details or "")[:_TEXT_LIMIT]
    # It is raised without a `from`, so the close is its context.
    for chained in (error.__cause__, error.__context__):
        if chained is not None and _nature(chained.__class__)[0] is _closed:
            closed: Any = chained
            if code == (ABNORMAL_CLOSURE if closed.rcvd is None else closed.rcvd.code):
                return _closed(closed)
    return Family.CLOSE, code, str(error.details or "")


def _closed(error: Any) -> _Found:
    received, sent = getattr(error, "rcvd", None), getattr(error, "sent", None)
    echoed = (
        received is not None
        and sent is not None
        and not error.rcvd_then_sent
        and received.code == sent.code != NORMAL_CLOSURE
    )
    if received is None or echoed:
        return Family.CLOSE, ABNORMAL_CLOSURE, str(error)
    return Family.CLOSE, int(received.code), received.reason


def _handshake(error: Any) -> _Found:
    """Read a failed handshake: the body of a refusal often holds the API's own error text."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    family = Family.HANDSHAKE if status is None else Family.STATUS
    return family, status, _with_body(error, getattr(response, "body", None))


def _http_status(error: Any) -> _Found:
    """Read what httpx raises over a status: the body is there if it has been read."""
    body = getattr(error.response, "_content", None)
    return Family.STATUS, error.response.status_code, _with_body(error, body)


def _status(error: Any) -> _Found:
    """Read what aiohttp raises over a status, or a handshake that was answered with one."""
    return Family.STATUS, error.status or None, str(error)[:_TEXT_LIMIT]


def _with_body(error: Any, body: bytes | bytearray | None) -> str:
    # A bytearray, where websockets has read a body of a known length.
    said = body[:_TEXT_LIMIT].decode("utf-8", "replace") if body else ""
    return f"{error} {said}".strip()


_PASSING: Final = frozenset({"TransportError", "TimeoutError", "ResponseError"})
"""google-auth's names for what the network has done to a request for a token."""


def _credentials(error: Any) -> _Found:
    """Read what google-auth raises, on Vertex, before anything is connected to.

    Some of its credentials raise a ``RefreshError`` from what the network did, and do not say
    that it can be retried.
    """
    passes = getattr(error, "retryable", False) or any(
        base.__name__ in _PASSING and base.__module__ == "google.auth.exceptions"
        for raised in (error, error.__cause__)
        for base in raised.__class__.__mro__
    )
    return (Family.TRANSPORT if passes else Family.FOREIGN), None, str(error)


def _transport(error: BaseException) -> _Found:
    return Family.TRANSPORT, None, text_of(error)[:_TEXT_LIMIT]


def _foreign(error: BaseException) -> _Found:
    return Family.FOREIGN, None, text_of(error)[:_TEXT_LIMIT]


_READERS: Final[Mapping[tuple[str, str], Callable[[Any], _Found]]] = {
    ("google.genai", "APIError"): _api_error,
    ("websockets", "ConnectionClosed"): _closed,
    ("websockets", "InvalidHandshake"): _handshake,
    ("google.auth", "GoogleAuthError"): _credentials,
    # What HTTP requests raise: the SDK's own, and those of the caller for a short-lived token.
    ("httpx", "TransportError"): _transport,
    ("httpx", "HTTPStatusError"): _http_status,
    ("aiohttp", "ClientConnectionError"): _transport,
    ("aiohttp", "ClientPayloadError"): _transport,
    ("aiohttp", "ClientResponseError"): _status,
    # What httpx and other libraries are made of.
    ("anyio", "BrokenResourceError"): _transport,
    ("anyio", "ClosedResourceError"): _transport,
    ("builtins", "OSError"): _transport,
}
"""How exceptions are read, by the package and the name of their class. Whatever has no entry here
is no failure of a connection."""


@lru_cache(maxsize=256)
def _nature(kind: type[BaseException]) -> tuple[Callable[[Any], _Found], frozenset[str]]:
    """Return how the exceptions of a class are read, and the names of its line."""
    names = frozenset(base.__name__ for base in kind.__mro__)
    for base in kind.__mro__:
        for package in _packages(base.__module__):
            reader = _READERS.get((package, base.__name__))
            if reader is not None:
                return reader, names
    return _foreign, names


def _packages(module: str) -> Iterator[str]:
    """Yield the packages that a module is in.

    The number at the end of a name does not count: httpx2 is httpx under another name, and
    google-genai raises the errors of either.
    """
    top, _, rest = module.partition(".")
    package = top.rstrip(string.digits)
    yield package
    for part in rest.split("."):
        package = f"{package}.{part}"
        yield package


def _says_nothing(error: BaseException) -> bool:
    """Tell whether an error is but a wrapper: the operating system's own have a number."""
    return getattr(error, "errno", None) is None
