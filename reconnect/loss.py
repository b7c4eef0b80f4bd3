"""What a lost connection looked like: the facts that every judgement starts from.

A failure of the Live API has several faces. ``receive()`` wraps the WebSocket close in an
``APIError`` whose code is the close code, ``send_*()`` raises the raw ``ConnectionClosed``, a
refused handshake is an ``InvalidStatus``, a dead network an ``OSError``. `read` brings them to one
form, a `Symptom`, without importing the libraries that raise them: an exception of theirs can only
exist once they are loaded, so their classes are taken from ``sys.modules``.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final

__all__ = ["ABNORMAL_CLOSURE", "Family", "Loss", "Phase", "Symptom", "read"]

ABNORMAL_CLOSURE: Final = 1006
"""The close code that stands for "no close frame came" (RFC 6455, section 7.1.5)."""


class Phase(StrEnum):
    """How far a connection had come when it was lost."""

    CONNECT = "connect"
    """The dial and the WebSocket handshake: the Live API has seen nothing of it."""

    SETUP = "setup"
    """The setup, with or without a handle, is sent; no setupComplete has come yet."""

    SESSION = "session"
    """setupComplete has come."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One lost connection, or one dial that failed.

    Args:
        error: The exception, as the SDK, websockets or the operating system raised it.
        phase: How far the connection had come.
        resumed: Whether this connection was opened with a handle.
        handle: Whether a handle is held now, so that a resume is possible.
        age: Seconds since setupComplete; 0 before it.
        go_away: Whether a go_away had been seen on this connection.
        closing: Whether the caller had asked to close.

    Raises:
        TypeError: If ``error`` is no exception.
        ValueError: If ``age`` is negative or not a finite number, or ``phase`` no phase.
    """

    error: BaseException
    phase: Phase = Phase.SESSION
    resumed: bool = False
    handle: bool = False
    age: float = 0.0
    go_away: bool = False
    closing: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.error, BaseException):
            raise TypeError(f"error must be an exception, got {self.error!r}")
        if self.phase.__class__ is not Phase:
            object.__setattr__(self, "phase", Phase(self.phase))
        if not 0 <= self.age < math.inf:
            raise ValueError(f"age must be a finite number of seconds from 0 up, got {self.age!r}")


class Family(Enum):
    """The kinds of failure that are told apart before any code or text is read."""

    CLOSE = "a WebSocket close"
    STATUS = "an HTTP status"
    HANDSHAKE = "a failed WebSocket handshake"
    TRANSPORT = "a failure of the network"
    FOREIGN = "an exception from elsewhere"


@dataclass(frozen=True, slots=True)
class Symptom:
    """An exception, brought to the form that the table of judgement reads.

    Args:
        family: What kind of failure it is.
        code: The close code or HTTP status; None where there is none.
        text: The close reason or error text, in lower case.
    """

    family: Family
    code: int | None
    text: str


def read(error: BaseException) -> Symptom:
    """Bring an exception to one form.

    A close without a close frame from the server reads as 1006, whatever this side sent: a local
    keepalive timeout sends 1011, which must not pass for the server's own 1011.

    Args:
        error: Any exception.
    """
    if _is(error, "google.genai.errors", "APIError"):
        api: Any = error
        # Where a close has been wrapped, `details` holds the reason and the rest is None;
        # where a frame was the error, it holds the frame.
        code = api.code if isinstance(api.code, int) else None
        family = Family.CLOSE if code is not None and code >= 1000 else Family.STATUS
        return Symptom(family, code, str(api.details or "").lower())
    if _is(error, "websockets.exceptions", "ConnectionClosed"):
        received = getattr(error, "rcvd", None)
        if received is None:
            return Symptom(Family.CLOSE, ABNORMAL_CLOSURE, str(error).lower())
        return Symptom(Family.CLOSE, int(received.code), received.reason.lower())
    if _is(error, "websockets.exceptions", "InvalidHandshake"):
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        family = Family.HANDSHAKE if status is None else Family.STATUS
        return Symptom(family, status, _text_of(response, error))
    if isinstance(error, OSError):
        return Symptom(Family.TRANSPORT, None, str(error).lower())
    return Symptom(Family.FOREIGN, None, str(error).lower())


def _is(error: BaseException, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name))


def _text_of(response: Any, error: BaseException) -> str:
    """Return what a refused handshake said: its body often holds the API's own error text."""
    body = getattr(response, "body", None)
    # A bytearray, where websockets has read a body of a known length.
    said = body.decode("utf-8", "replace") if isinstance(body, bytes | bytearray) else ""
    return f"{error} {said}".strip().lower()
