"""Exceptions that are made from what was printed of them are classified as the real ones."""

import asyncio
import builtins
import contextlib
import importlib
import logging
import socket
import ssl
import traceback

import google.genai.errors
import pytest
import websockets.exceptions
from failures import CODES, STATUSES, closed, refused, wrapped
from hypothesis import given, strategies as st

import reconnect.errors
from reconnect import FailureKind, Loss, Lost, Phase
from reconnect._cli.explain import texts
from reconnect._cli.explain.made import NotInstalledError, from_text, named
from reconnect._failures.classify import explain
from reconnect._failures.loss import Family, read


def printed(error):
    """Return the end of the traceback that Python prints of an exception."""
    return "".join(traceback.format_exception_only(error))


def logged(error):
    """Return the line of a log that says what an exception says."""
    record = logging.LogRecord("live", logging.ERROR, "x", 1, "session lost: %s", (error,), None)
    return logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s").format(record)


def shown(error):
    """Return the line of a log that shows an exception as Python writes it."""
    return f"ERROR:live:session lost: {error!r}"


FORMS = st.sampled_from([printed, logged, shown])

REASONS = st.sampled_from(
    [
        "",
        "Internal error encountered.",
        "BidiGenerateContent session not found",
        "You exceeded your current quota, please check your plan",
        'it\'s "over"',
        "status = CANCELLED: x; y",
    ]
) | st.text(st.characters(codec="ascii", categories=["L", "Nd"]), max_size=60)


@given(code=CODES, reason=REASONS, form=FORMS)
def test_close(code, reason, form):
    """A close has its code and its reason, however it is printed."""
    error = closed(code, reason)
    assert read(from_text(form(error))[1]) == read(error)


@given(reason=REASONS, form=FORMS)
def test_close_of_ours(reason, form):
    """A close that this side began is not taken for the server's."""
    error = closed(1006, sent=reason)
    assert read(from_text(form(error))[1]) == read(error)


@given(code=CODES, reason=REASONS, form=FORMS)
def test_sdk(code, reason, form):
    """What the SDK raises over a close has its code and its reason."""
    error = wrapped(code, reason)
    assert read(from_text(form(error))[1]) == read(error)


@given(status=STATUSES, said=REASONS, form=FORMS)
def test_sdk_over_a_status(status, said, form):
    """What the SDK raises over an error of the API has its status and all that was said."""
    body = {"error": {"code": status, "message": said, "status": "UNAVAILABLE"}}
    error = wrapped(status, body)
    found = read(from_text(form(error))[1])
    assert (found.family, found.code) == (Family.STATUS, status)
    assert found.text == str(body).lower()


@given(status=STATUSES, form=st.sampled_from([printed, logged]))
def test_refusal(status, form):
    """A handshake that was refused has its status; the body of the response is never printed."""
    error = refused(status)
    assert read(from_text(form(error))[1]).code == status


NETWORK = st.sampled_from(
    [
        ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 443)"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(),
        TimeoutError("timed out during opening handshake"),
        BrokenPipeError(),
        OSError(113, "No route to host"),
        socket.gaierror(-2, "Name or service not known"),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
    ]
)
OURS = (
    st.builds(closed, CODES, REASONS)
    | st.builds(closed, st.just(1006), sent=st.just("keepalive ping timeout"))
    | st.builds(wrapped, CODES | STATUSES, REASONS)
    | st.builds(refused, STATUSES)
    | NETWORK
    | st.just(ValueError("x"))
)


@given(
    error=OURS,
    phase=st.sampled_from(Phase),
    age=st.floats(0, 1000),
    kind=st.sampled_from(FailureKind),
)
def test_log_of_ours(error, phase, age, kind):
    """A line of this library's own log says what was lost, and how far it had come."""
    line = f"2026-01-02 03:04:05 WARNING reconnect: {Lost(error, kind, phase, age)}"
    found, real = read(from_text(line)[1]), read(error)
    assert (found.family, found.code) == (real.family, real.code)
    said = texts.logged(line)
    assert said.resumed is (kind is FailureKind.HANDLE_REJECTED)
    assert (said.age is None) is (phase is not Phase.SESSION)
    assert said.age is None or said.age == pytest.approx(age, rel=0.06, abs=0.006)


ARGUMENTS = [("x",), ("x", "y"), (refused(503).response,)]
"""What exceptions are made from; the first that suits one is taken."""

GIVEN_UP = {reconnect.ReconnectExhausted, reconnect.TooManyReconnects}


def classes():
    """Yield the exceptions that Python, websockets, the SDK and this library can raise."""
    for module in (
        *(builtins, ssl, socket, asyncio),
        *(reconnect.errors, websockets.exceptions, google.genai.errors),
    ):
        # Not by inspect.getmembers, which asks for deprecated aliases too.
        for name, kind in vars(module).items():
            if isinstance(kind, type) and issubclass(kind, BaseException) and name[0] != "_":
                yield kind


def examples():
    """Yield an instance of each that says what it is."""
    for kind in dict.fromkeys(classes()):
        if issubclass(kind, Warning | BaseExceptionGroup) or kind in GIVEN_UP:
            continue
        for arguments in ARGUMENTS:
            with contextlib.suppress(Exception):
                error = kind(*arguments)
                str(error), read(error)
                yield error
                break


@pytest.mark.parametrize("error", [*examples()], ids=lambda error: type(error).__name__)
def test_every_exception(error):
    """What Python, websockets and the SDK can raise is classified by its last line as itself."""
    _, found = from_text(printed(error))
    for phase in Phase:
        assert explain(Loss(found, phase)) is explain(Loss(error, phase))


@pytest.fixture
def without(monkeypatch):
    """Return what makes it as if a package were not installed."""
    real = importlib.import_module

    def hide(package):
        def import_module(name, *more):
            if name.partition(".")[0] == package:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)
            return real(name, *more)

        monkeypatch.setattr(importlib, "import_module", import_module)

    return hide


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("httpx.ConnectError: [Errno 111] Connection refused", ConnectionRefusedError),
        ("asyncio.exceptions.CancelledError", asyncio.CancelledError),
        ("socket.gaierror: [Errno -2] Name or service not known", socket.gaierror),
        ("gaierror(-3, 'Temporary failure in name resolution')", socket.gaierror),
        ("SSLCertVerificationError: certificate", ssl.SSLCertVerificationError),
        ("CERTIFICATE_VERIFY_FAILED", ssl.SSLCertVerificationError),
        ("InvalidMessage", websockets.exceptions.InvalidMessage),
    ],
)
def test_kinds(without, text, kind):
    """An exception is of the class that is named, or of the one that its text stands for."""
    without("httpx")
    assert type(from_text(text)[1]) is kind


@pytest.mark.parametrize(
    "text",
    [
        "pydantic_core._pydantic_core.ValidationError: 1 validation error",
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff",
        "KeyError: 'x'",
    ],
)
def test_elsewhere(text):
    """An exception of anybody else's is no failure of a connection."""
    assert read(from_text(text)[1]).family is Family.FOREIGN


def test_last_line_counts():
    """Of a traceback the last line counts that tells of a failure."""
    text = (
        "Traceback (most recent call last):\n"
        '  File "x.py", line 1, in <module>\n'
        "websockets.exceptions.ConnectionClosedError: received 1008 (policy violation) a\n"
        "During handling of the above exception, another exception occurred:\n"
        "google.genai.errors.APIError: 1011 None. b\n"
        "For more information check: https://example.com/Status\n"
        "\n"
    )
    line, error = from_text(text)
    assert line == "google.genai.errors.APIError: 1011 None. b"
    assert read(error).code == 1011


def test_cause_counts():
    """Of a session that was given up the cause counts, which stands above."""
    gave_up = printed(reconnect.ReconnectExhausted(attempts=10, elapsed=300.0))
    line, _ = from_text(f"ConnectionResetError: [Errno 104] x\n\n{gave_up}")
    assert line.startswith("ConnectionResetError")
    with pytest.raises(ValueError, match="its cause does, which is above it"):
        from_text(gave_up)
    with pytest.raises(ValueError, match="its cause does, which is above it"):
        from_text("session 1-9f3a1c: ended for good: gave up: 60 reconnects within an hour")


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("API key not valid. Please pass a valid API key.", FailureKind.FATAL),
        ("You exceeded your current quota", FailureKind.THROTTLED),
        ("E live: Operation is not implemented, or supported", FailureKind.TRANSIENT),
    ],
)
def test_reason_without_a_code(reason, kind):
    """Words that mean the same with every code are enough, where no line has more."""
    line, error = from_text(f"{reason}\nAll is well.")
    assert line == reason
    assert explain(Loss(error, phase=Phase.SESSION)).kind is kind
    assert from_text(f"HTTP 503\n{reason}")[0] == "HTTP 503"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is empty"),
        ("\n \n", "the text is empty"),
        ("All is well.", "no failure found in 'All is well.'"),
        ("Nonsense", "no failure found in 'Nonsense'"),
        ("error: something", "no failure found"),
        ("UserWarning: something", "no failure found"),
        ("myapp.live.Client: started", "no failure found"),
        ("websockets.nowhere.SomeError: x", "no failure found"),
        ("websockets.exceptions.ConnectionClosedError: x", "no failure found"),
    ],
)
def test_no_failure(text, message):
    """A text without a failure is an error that shows where it was looked for."""
    with pytest.raises(ValueError, match=message):
        from_text(text)


def test_package_that_is_not_installed(without):
    """An exception of a package that is not here cannot be read, and the error names it."""
    without("aiohttp")
    text = "aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected"
    with pytest.raises(NotInstalledError, match="pip install aiohttp"):
        from_text(f"ConnectionResetError\n{text}")
    with pytest.raises(NotInstalledError, match="pip install aiohttp"):
        named("aiohttp.client_exceptions.ServerDisconnectedError", "")


def test_module_that_is_not_there():
    """A module that an installed package has not got has no exceptions."""
    assert named("websockets.nowhere.SomeError", "") is None


@given(text=st.text())
def test_every_text(text):
    """Every text is a failure, or an error that says that it is none."""
    with contextlib.suppress(ValueError):
        line, error = from_text(text)
        assert line in texts.lines_of(text)
        assert read(error)
