"""Reading failures: one form for all their faces."""

import asyncio
import contextlib
import math
import socket
import ssl
import subprocess
import sys

import pytest
import websockets.exceptions
from failures import ERRORS, closed, exceptions_of, refused, wrapped
from google.auth import exceptions as auth
from google.genai import errors
from hypothesis import given
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from reconnect import Loss, Phase, RemoteProtocolError
from reconnect._failures.loss import ABNORMAL_CLOSURE, Family, Symptom, leaves, read


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


def test_libraries_are_not_needed():
    """No library is imported to read: their classes are known by name."""
    libraries = "{'google.genai', 'google.auth', 'websockets'}"
    read = "import reconnect._failures.loss, sys"
    script = f"{read}; sys.exit(not {libraries}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0  # noqa: S603


def chained(error, cause, *, explicit):
    """Return an error that was raised while, or from, another."""
    try:
        try:
            raise cause
        except type(cause):
            if explicit:
                raise error from cause
            raise error  # noqa: B904 (as the SDK does)
    except type(error) as raised:
        return raised


ECHOED = ConnectionClosedError(Close(1011, "x"), Close(1011, "keepalive ping timeout"), False)


def test_echoed_close():
    """A close that this side began is its own, though the server has echoed it."""
    symptom = read(ECHOED)
    assert symptom.code == ABNORMAL_CLOSURE
    assert "keepalive ping timeout" in symptom.text


@pytest.mark.parametrize(
    "error",
    [
        ConnectionClosedError(Close(1011, "x"), Close(1011, "x"), True),
        ConnectionClosedError(Close(1011, "x"), Close(1000, ""), False),
        ConnectionClosedOK(Close(1000, "x"), Close(1000, ""), False),
    ],
    ids=repr,
)
def test_close_of_the_server(error):
    """A close that the server began, that crossed ours, or that was meant, is the server's."""
    assert read(error) == Symptom(Family.CLOSE, error.rcvd.code, "x")


@pytest.mark.parametrize("explicit", [False, True])
@pytest.mark.parametrize(
    ("code", "close"),
    [
        (1006, ConnectionClosedError(None, Close(1011, "keepalive ping timeout"))),
        (1011, ECHOED),
        (1008, closed(1008, "session expired")),
    ],
    ids=["silent", "echoed", "closed"],
)
def test_wrapped_close(code, close, explicit):
    """What the SDK raises over a close is read from the close that is chained to it."""
    assert read(chained(wrapped(code, "?"), close, explicit=explicit)) == read(close)


@pytest.mark.parametrize("other", [closed(1007, "another"), ValueError("x")], ids=repr)
def test_unrelated_context(other):
    """A chained exception that it does not stand for is not read."""
    error = chained(wrapped(1011, "Internal"), other, explicit=False)
    assert read(error) == Symptom(Family.CLOSE, 1011, "internal")


@pytest.mark.parametrize("cause", [closed(1008, "gone"), wrapped(503), refused(401)], ids=repr)
def test_wrapper(cause):
    """A bare ConnectionError reads as what it was raised from."""
    error = chained(ConnectionError("could not connect"), cause, explicit=True)
    assert read(error) == read(cause)
    assert read(error).names == read(cause).names


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionError("x"), ValueError("y")),
        (ConnectionError("x"), OSError(111, "y")),
        (ConnectionResetError(104, "x"), closed(1008)),
    ],
    ids=repr,
)
def test_no_wrapper(error, cause):
    """The operating system's own error, or one from a bug, reads as itself."""
    assert read(chained(error, cause, explicit=True)).family is Family.TRANSPORT


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (auth.TransportError("no route"), Family.TRANSPORT),
        (auth.TimeoutError("timed out"), Family.TRANSPORT),
        (auth.ResponseError("cut off"), Family.TRANSPORT),
        (auth.RefreshError("502", retryable=True), Family.TRANSPORT),
        (auth.RefreshError("invalid_grant"), Family.FOREIGN),
        (auth.DefaultCredentialsError("not found"), Family.FOREIGN),
    ],
    ids=repr,
)
def test_credentials(error, family):
    """Credentials that cannot be fetched are the network's fault, or nobody's but the owner's."""
    assert read(error) == Symptom(family, None, str(error))


def test_credentials_of_a_machine():
    """Credentials that say only by their cause that the network failed are the network's fault."""
    raised = chained(auth.RefreshError("x"), auth.TransportError("no route"), explicit=True)
    assert read(raised).family is Family.TRANSPORT
    raised = chained(auth.RefreshError("x"), ValueError("no JSON"), explicit=True)
    assert read(raised).family is Family.FOREIGN


GONE = ConnectionResetError("gone")
BUG = ValueError("a bug")


@pytest.mark.parametrize(
    ("errors", "read_as"),
    [
        ([GONE, closed(1011), BUG], BUG),
        ([GONE, closed(1008), refused(429)], refused(429)),
        ([GONE, wrapped(1008, "gone")], None),
        ([GONE, websockets.exceptions.InvalidMessage("cut")], None),
        ([GONE], GONE),
        ([asyncio.CancelledError(), GONE], asyncio.CancelledError()),
    ],
    ids=repr,
)
def test_group(errors, read_as):
    """Of a group one exception is read, at whatever depth it is: no bug is hidden by the rest."""
    expected = read(errors[-1] if read_as is None else read_as)
    group = BaseExceptionGroup("together", errors)
    nested = BaseExceptionGroup("outer", [GONE, BaseExceptionGroup("inner", [group])])
    for found in (read(group), read(nested)):
        assert (found, found.names) == (expected, expected.names)


def test_leaves():
    """The exceptions of a group come in their order, however deep they are."""
    one, two, three = (ValueError(number) for number in range(3))
    group = ExceptionGroup("b", [two])
    for _ in range(2000):
        group = ExceptionGroup("deeper", [group])
    assert [*leaves(ExceptionGroup("a", [one, group, three]))] == [one, two, three]


def test_long_text():
    """Of a long body only the beginning is read."""
    assert len(read(refused(403, "x" * 100_000)).text) < 5_000


class Mute(Exception):
    """An error that fails over its own text."""

    def __str__(self):
        raise LookupError("str")


class MuteSystem(Mute, OSError):
    """One of the network that does."""


@pytest.mark.parametrize(
    ("kind", "family"), [(Mute, Family.FOREIGN), (MuteSystem, Family.TRANSPORT)]
)
def test_error_without_a_text(kind, family):
    """An error that fails over its own text is read without one."""
    assert read(kind()) == Symptom(family, None, "")


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
    assert (loss.age, loss.go_away, loss.closing, loss.repeats) == (0, False, False, 0)


@pytest.mark.parametrize("repeats", [-1, 0.5, None, "1"])
def test_bad_repeats(repeats):
    """A count that there cannot be is named in the error."""
    with pytest.raises(ValueError, match=f"repeats must be .* got {repeats!r}"):
        Loss(OSError(), repeats=repeats)


def test_phase_by_name():
    """A phase can be given by its name, and is then a phase."""
    assert Loss(OSError(), "setup").phase is Phase.SETUP


@pytest.mark.parametrize("age", [-0.001, math.nan, math.inf, "3", None])
def test_bad_age(age):
    """An age that no connection can have is named in the error."""
    with pytest.raises(ValueError, match=f"age must be .* got {age!r}"):
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
