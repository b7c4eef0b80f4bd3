"""Reading failures: one form for all their faces."""

import asyncio
import contextlib
import math
import socket
import ssl
import sys

import pytest
import websockets.exceptions
from failures import ERRORS, closed, exceptions_of, refused, wrapped
from google.genai import errors
from hypothesis import given
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from reconnect import Loss, Phase, RemoteProtocolError
from reconnect.loss import ABNORMAL_CLOSURE, Family, Symptom, read


@pytest.mark.parametrize("face", [closed, wrapped])
def test_close(face):
    """A close reads the same whether the SDK has wrapped it or not."""
    assert read(face(1008, "Requested Entity was not found.")) == Symptom(
        Family.CLOSE, 1008, "requested entity was not found."
    )


@pytest.mark.parametrize("code", [1000, 1001])
def test_clean_close(code):
    """A clean close is a close like any other."""
    assert read(closed(code)) == read(wrapped(code)) == Symptom(Family.CLOSE, code, "")


def test_no_close_frame():
    """A connection that just breaks off reads as 1006."""
    symptom = read(closed(1006))
    assert (symptom.family, symptom.code) == (Family.CLOSE, ABNORMAL_CLOSURE)
    assert "no close frame" in symptom.text


def test_own_keepalive_timeout():
    """The 1011 that this side sends over a missing pong does not pass for the server's."""
    error = ConnectionClosedError(None, Close(1011, "keepalive ping timeout"))
    symptom = read(error)
    assert symptom.code == ABNORMAL_CLOSURE
    assert "keepalive ping timeout" in symptom.text


@pytest.mark.parametrize("code", [429, 503])
def test_error_frame(code):
    """A frame with an HTTP status reads as that status, with the text of the frame."""
    symptom = read(wrapped(code, {"code": code, "message": "Resource EXHAUSTED"}))
    assert (symptom.family, symptom.code) == (Family.STATUS, code)
    assert "resource exhausted" in symptom.text


def test_error_without_a_code():
    """An APIError that names no code has none."""
    assert read(errors.APIError(0, {})) == Symptom(Family.STATUS, None, "")


def test_refused_handshake():
    """A refused handshake reads as its status, with what its body says."""
    symptom = read(refused(403, "Generative Language API has not been used"))
    assert (symptom.family, symptom.code) == (Family.STATUS, 403)
    assert "http 403" in symptom.text
    assert "api has not been used" in symptom.text


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_body_of_a_refusal(kind):
    """The body is read in either form that websockets gives it, even where it is no UTF-8."""
    response = Response(403, "", Headers(), kind(b"\xff API key not valid"))
    assert "api key not valid" in read(InvalidStatus(response)).text


def test_failed_handshake():
    """A handshake that failed without a status has no code."""
    symptom = read(websockets.exceptions.InvalidMessage("did not receive a valid HTTP response"))
    assert (symptom.family, symptom.code) == (Family.HANDSHAKE, None)
    assert symptom.text == "did not receive a valid http response"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connect call failed"),
        socket.gaierror(-2, "Name or service not known"),
        TimeoutError("timed out during opening handshake"),
        ssl.SSLError(1, "wrong version number"),
        RemoteProtocolError("the server sent a frame that the SDK cannot read"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_network(error):
    """What the network does is a failure of the transport."""
    assert read(error) == Symptom(Family.TRANSPORT, None, str(error).lower())


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Bad"),
        asyncio.CancelledError("Bad"),
        websockets.exceptions.InvalidURI("http://x", "Bad"),
        errors.UnknownApiResponseError("Bad"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_foreign(error):
    """What is no failure of a connection is foreign, whichever library raises it."""
    symptom = read(error)
    assert (symptom.family, symptom.code) == (Family.FOREIGN, None)
    assert "bad" in symptom.text


def test_libraries_that_are_not_loaded(monkeypatch):
    """No library is imported to judge: where it is not loaded, no exception can be of it."""
    error = closed(1011)
    for name in ("google.genai.errors", "websockets.exceptions"):
        monkeypatch.delitem(sys.modules, name)
    assert read(error).family is Family.FOREIGN
    assert "google.genai.errors" not in sys.modules
    assert "websockets.exceptions" not in sys.modules


@given(error=ERRORS)
def test_text_is_in_lower_case(error):
    """The text is always in lower case, and a close always has a code."""
    symptom = read(error)
    assert symptom.text == symptom.text.lower()
    assert symptom.family is not Family.CLOSE or symptom.code is not None


def test_every_exception_is_read():
    """Every exception class of the libraries involved can be read, chained or not."""
    found = exceptions_of(websockets.exceptions, errors, ssl, socket, asyncio)
    assert len(found) > 40
    for error in found:
        chained = RuntimeError("x")
        with contextlib.suppress(BaseException):
            raise chained from error
        assert isinstance(read(error), Symptom)
        assert read(chained).family is Family.FOREIGN


def test_loss_defaults():
    """A loss that nothing is told about is one of an open session without a handle."""
    loss = Loss(OSError())
    assert (loss.phase, loss.resumed, loss.handle) == (Phase.SESSION, False, False)
    assert (loss.age, loss.go_away, loss.closing) == (0, False, False)


def test_phase_by_name():
    """A phase can be given by its name, and is then a phase."""
    assert Loss(OSError(), "setup").phase is Phase.SETUP


@pytest.mark.parametrize("age", [-0.001, math.nan, math.inf])
def test_bad_age(age):
    """An age that no connection can have is named in the error."""
    with pytest.raises(ValueError, match=f"age must be .* got {age}"):
        Loss(OSError(), age=age)


def test_bad_phase():
    """A phase that there is none of is named in the error."""
    with pytest.raises(ValueError, match="'dialling' is not a valid Phase"):
        Loss(OSError(), "dialling")


@pytest.mark.parametrize("error", [None, "gone", OSError])
def test_bad_error(error):
    """What is no exception is named in the error."""
    with pytest.raises(TypeError, match=f"error must be an exception, got .*{error}"):
        Loss(error)
