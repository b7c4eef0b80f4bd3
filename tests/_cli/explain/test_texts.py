"""What a text may mean: nothing but the text is looked at."""

import pytest
from hypothesis import given, strategies as st

from reconnect._cli.explain.made import named
from reconnect._cli.explain.texts import (
    Api,
    Closed,
    Logged,
    Raised,
    Refused,
    System,
    lines_of,
    logged,
    readings,
)


def first(line):
    """Return the likeliest reading of a line; None if there is none.

    Names that look like those of exceptions, and are none, do not count.
    """
    found = (r for r in readings(line) if not isinstance(r, Raised) or named(r.name, r.text))
    return next(found, None)


DEADLINE = "Deadline"

KEEPALIVE = Closed(None, (1011, "keepalive ping timeout"))


@pytest.mark.parametrize(
    ("line", "reading"),
    [
        # websockets, by what its exceptions say.
        (
            f"received 1011 (internal error) {DEADLINE}; then sent 1011 (unknown) {DEADLINE}",
            Closed((1011, DEADLINE), (1011, DEADLINE)),
        ),
        (
            "sent 1011 (internal error) x; then received 1000 (OK)",
            Closed((1000, ""), (1011, "x"), received_first=False),
        ),
        (
            "received 1008 (policy violation) session not found; no close frame sent",
            Closed((1008, "session not found")),
        ),
        ("received 4000 (private use); no close frame sent", Closed((4000, ""))),
        ("received 1005 (no status received [internal])", Closed((1005, ""))),
        ("sent 1011 (internal error) keepalive ping timeout; no close frame received", KEEPALIVE),
        ("ERROR live: keepalive ping timeout", KEEPALIVE),
        ("no close frame received or sent", Closed(None)),
        (
            "reason: received 1011 (internal error) a; b; no close frame sent",
            Closed((1011, "a; b")),
        ),
        ("server rejected WebSocket connection: HTTP 503", Refused(503, "")),
        ("proxy rejected connection: HTTP 407", Refused(407, "")),
        ("timed out during opening handshake", Raised("TimeoutError", "")),
        # The same as a log has it that writes the exception and not what it says.
        (
            r"failed: ConnectionClosedError(Close(code=1011, reason='it\'s'), None, None)",
            Closed((1011, "it's")),
        ),
        (
            "ConnectionClosedError(rcvd=None, sent=Close(code=<CloseCode.X: 1011>, reason=''))",
            Closed(None, (1011, "")),
        ),
        (
            'ConnectionClosedOK(Close(code=1000, reason=""), Close(code=1000, reason=""), False)',
            Closed((1000, ""), (1000, ""), received_first=False),
        ),
        # The SDK.
        ("google.genai.errors.APIError: 1011 None. Internal error.", Api(1011, "Internal error.")),
        ("1008 None. ", Api(1008, "")),
        ("2026-01-02 03:04:05 E live: 1007 None. Invalid argument", Api(1007, "Invalid argument")),
        (
            "google.genai.errors.ClientError: 429 RESOURCE_EXHAUSTED. {'error': {'code': 429}}",
            Api(429, "{'error': {'code': 429}}"),
        ),
        ("google.genai.errors.APIError: None None. {'a': 1}", Api(None, "{'a': 1}")),
        ("lost APIError('1011 None. it is over')", Api(1011, "it is over")),
        # Other clients.
        (
            "httpx.HTTPStatusError: Server error '503 Service Unavailable' for url 'https://x.y'",
            Refused(503, "Service Unavailable"),
        ),
        (
            "WSServerHandshakeError: 403, message='Forbidden', url=x",
            Refused(403, "'Forbidden', url=x"),
        ),
        ("HTTP/1.1 502 Bad Gateway", Refused(502, "Bad Gateway")),
        ("request failed, status_code=429", Refused(429, "")),
        # Names.
        ("ConnectionResetError", Raised("ConnectionResetError", "")),
        ("TimeoutError: x: y", Raised("TimeoutError", "x: y")),
        ("a.b_c.SomeError: x", Raised("a.b_c.SomeError", "x")),
        # The operating system.
        (
            "[Errno 111] Connect call failed ('::1', 1)",
            System(111, "Connect call failed ('::1', 1)"),
        ),
        ("[WinError 10054] It was closed", System(10054, "It was closed")),
        (
            "lost (Connection reset by peer)",
            Raised("ConnectionResetError", "lost (Connection reset by peer)"),
        ),
        # Codes alone.
        ("CloseEvent { code: 1011, reason: 'Deadline' }", Closed((1011, "Deadline"))),
        ("code = 1008 (policy violation), reason = expired", Closed((1008, "expired"))),
        ('{"code": 1011, "reason": "Deadline", "retries": 3}', Closed((1011, "Deadline"))),
        ("websocket: close 1008 (policy violation): expired", Closed((1008, "expired"))),
        ("WebSocket connection closed: 1008 (policy violation)", Closed((1008, ""))),
        # This library's own last line.
        (
            "session 1-9f3a1c: ended for good: 4900 a; b, after 1 attempt over 3.5 s; 1 turn lost",
            Closed((4900, "a; b")),
        ),
        ("ended for good: 1007 x; up to 0.3 s of audio lost", Closed((1007, "x"))),
        (" 1.5 s  session  Lost: 1011 Internal error.", Closed((1011, "Internal error."))),
        # Nothing.
        ("2026-01-02 10:11:12.1013 took 1011.5 ms on :1008", None),
        ("", None),
    ],
)
def test_first_reading(line, reading):
    """What is printed is read for what it is, whatever stands around it."""
    assert first(line) == reading


def test_exceptions_in_order():
    """Of several names the one on the left comes first, and what they say is read after them."""
    line = "ERROR root: session failed: httpx.ConnectError: OSError: [Errno 111] refused"
    assert [*readings(line)] == [
        Raised("httpx.ConnectError", "OSError: [Errno 111] refused"),
        Raised("OSError", "[Errno 111] refused"),
        System(111, "refused"),
    ]


def test_repr_is_read():
    """An exception that is written as Python writes it has its name and its text."""
    assert Raised("ConnectionRefusedError", "Connect call") in [
        *readings("got ConnectionRefusedError(111, 'Connect call')")
    ]
    assert Raised("TimeoutError", "") in [*readings("got TimeoutError()")]


@pytest.mark.parametrize(
    "line", ["CERTIFICATE_VERIFY_FAILED", "x [SSL: CERTIFICATE_VERIFY_FAILED] y"]
)
def test_certificate(line):
    """A certificate that is not trusted is one, whoever says so."""
    assert first(line) == Raised("ssl.SSLCertVerificationError", line)


def test_other_tls():
    """Another failure of TLS is one of OpenSSL's."""
    line = "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"
    assert first(line) == Raised("ssl.SSLError", line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "Attempt failed: connection refused (transient). Resuming in 0.21 s, attempt 2.",
            Logged(None, resumed=False),
        ),
        ("attempt failed: 1008 not found (handle rejected)", Logged(None, resumed=True)),
        (
            "W reconnect: connection lost after 2.7 s: 1011 Internal error (transient)",
            Logged(2.7, resumed=False),
        ),
        ("connection lost after 583 s: 1011", Logged(583.0, resumed=False)),
        ("websockets: received 1011 (internal error)", None),
    ],
)
def test_own_log(line, said):
    """A line of this library's own log says how long the connection had been open, and how."""
    assert logged(line) == said


def test_own_log_is_read_without_what_it_was_taken_for():
    """What it was taken for, and what was done about it, is no part of what the server said."""
    line = "Connection lost after 2.7 s: 1008 not found (handle rejected). Resuming in 0.21 s."
    assert first(line) == Closed((1008, "not found"))


def test_text_that_is_no_literal():
    """What looks like a text of Python's, and is none, is left as it is."""
    assert Raised("OSError", r"'\x'") in [*readings(r"OSError('\x')")]


def test_lines():
    """Empty lines, and the frame around the parts of an exception group, are left out."""
    text = """
  + Exception Group Traceback (most recent call last):
  |   File "x.py", line 1, in <module>
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | google.genai.errors.APIError: 1011 None. Internal error
    +------------------------------------

"""
    assert lines_of(text)[-2:] == [
        "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)",
        "google.genai.errors.APIError: 1011 None. Internal error",
    ]


def test_colours():
    """What a terminal is told of colours is no part of a line."""
    line = "\x1b[1;31mgoogle.genai.errors.APIError\x1b[0m: \x1b[35m1008 None. expired\x1b[0m"
    assert lines_of(f"\x1b[2m  File x\x1b[22m\n{line}\n\x1b[0m") == [
        "File x",
        "google.genai.errors.APIError: 1008 None. expired",
    ]


PIECES = st.sampled_from(
    [
        "received ",
        "sent ",
        "1011",
        " (internal error) ",
        "; then ",
        "None. ",
        "Close(code=",
        "'",
        '"',
    ]
)


@given(text=st.text() | st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_every_text_is_read(text):
    """Whatever a text is, reading it does not fail."""
    for line in lines_of(text):
        assert all(isinstance(r, Closed | Api | Refused | System | Raised) for r in readings(line))
