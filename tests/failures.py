"""Failures as they really come: exceptions as the libraries build them, and losses of all kinds."""

import asyncio
import contextlib
import inspect
import json
import ssl

import websockets.exceptions
from google.genai.errors import APIError, ClientError, ServerError
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from reconnect import Loss, Phase


def closed(code, reason="", *, sent=None):
    """Return what websockets raises over a close; 1006 stands for no close frame.

    Args:
        code: The close code.
        reason: The close reason.
        sent: The reason of a 1011 that this side had sent; None where it had not.
    """
    if code == 1006:
        return ConnectionClosedError(None, None if sent is None else Close(1011, sent))
    kind = ConnectionClosedOK if code in {1000, 1001} else ConnectionClosedError
    return kind(Close(code, reason), None, None)


def wrapped(code, reason=""):
    """Return what the SDK raises over a close, or over a frame with an HTTP status."""
    kind = ClientError if 400 <= code < 500 else ServerError if 500 <= code < 600 else APIError
    return kind(code, reason, None)


def refused(status, said="", **headers):
    """Return what websockets raises over a handshake that was answered with a status."""
    body = json.dumps({"error": {"message": said}}).encode() if said else b""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return InvalidStatus(Response(status, "", Headers(fields), body))


def exceptions_of(*modules):
    """Return an instance of each exception class of the modules that is easily made."""
    # Not by inspect.getmembers, which asks for deprecated aliases too.
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, BaseException)
    }
    made = (_make(kind) for kind in sorted(kinds, key=lambda kind: kind.__name__))
    return [error for error in made if error is not None]


def _make(kind):
    for arguments in [(), (refused(407).response,), ("x",), (None, None), (404, []), ("x", "y")]:
        with contextlib.suppress(Exception):
            error = kind(*arguments)
            str(error)
            return error
    return None


CODES = st.integers(1000, 4999)
STATUSES = st.integers(100, 599)
TEXTS = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "API key not valid",
            "BidiGenerateContent session not found",
            "Resource exhausted",
            "The operation was cancelled.",
            "Your prepayment credits are depleted",
            "exceeds the maximum number of tokens",
        ]
    ),
)
FOREIGN = st.sampled_from([ValueError("x"), KeyError("x"), asyncio.CancelledError(), EOFError()])
NETWORK = st.sampled_from(
    [
        ConnectionRefusedError(111, "refused"),
        ConnectionResetError(),
        TimeoutError(),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
        ssl.SSLError("x"),
        websockets.exceptions.InvalidMessage("x"),
    ]
)
ERRORS = st.one_of(
    st.builds(closed, CODES, TEXTS),
    st.builds(wrapped, CODES | STATUSES, TEXTS),
    st.builds(refused, STATUSES, TEXTS),
    NETWORK,
    FOREIGN,
)


def losses(errors=ERRORS, **fixed):
    """Generate losses of every kind.

    Args:
        errors: Generates their exceptions.
        **fixed: Fields that have one value.
    """
    fields = {
        "phase": st.sampled_from(Phase),
        "resumed": st.booleans(),
        "handle": st.booleans(),
        "age": st.floats(0, 10_000),
        "go_away": st.booleans(),
        "closing": st.booleans(),
        "repeats": st.integers(0, 5),
    }
    fields |= {name: st.just(value) for name, value in fixed.items()}
    return st.builds(Loss, errors, **fields)
