"""Reads what people have at hand of a failure: a traceback, a line of a log, an error message.

Pure: a text goes in, and what it may mean comes out, the likeliest first. What is looked for is
what websockets 13 to 17, google-genai 2.34 to 3.6 and Python itself print, with whatever a log has
put before it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconnect._failures.rows import FailureKind

__all__ = [
    "Api",
    "Closed",
    "Logged",
    "Raised",
    "Reading",
    "Refused",
    "System",
    "lines_of",
    "logged",
    "readings",
]

KEEPALIVE: Final = "keepalive ping timeout"
"""What websockets closes with when a ping of its own is not answered; it sends 1011."""

_INTERNAL_ERROR: Final = 1011


@dataclass(frozen=True, slots=True)
class Closed:
    """A WebSocket close, as websockets tells of it.

    Args:
        received: The code and the reason that came; None for no close frame.
        sent: The code and the reason that went out; None for no close frame.
        received_first: Whether, of two, the one that came was the first.
    """

    received: tuple[int, str] | None
    sent: tuple[int, str] | None = None
    received_first: bool = True


@dataclass(frozen=True, slots=True)
class Api:
    """An error of the SDK's, whose code is a close code or an HTTP status.

    Args:
        code: The code; None where the server gave none.
        details: What the server has said.
    """

    code: int | None
    details: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An HTTP status in place of a connection.

    Args:
        status: The status.
        text: What was said with it.
    """

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class System:
    """An error of the operating system's.

    Args:
        number: Its number.
        text: What it says.
    """

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception, by its name.

    Args:
        name: The class, with its module where that was printed.
        text: What it says.
    """

    name: str
    text: str


Reading: TypeAlias = Closed | Api | Refused | System | Raised


@dataclass(frozen=True, slots=True)
class Logged:
    """What a line of this library's own log says besides the failure.

    Args:
        age: Seconds that the connection had been open; None for an attempt that failed.
        resumed: Whether it must have been opened with a handle, since that was rejected.
    """

    age: float | None
    resumed: bool


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that say something, without colours and frames of groups.

    Args:
        text: A line, or a whole traceback.
    """
    plain = _COLOUR.sub("", text)
    stripped = (_GUTTER.sub("", line).strip() for line in plain.splitlines())
    return [line for line in stripped if line]


def readings(line: str) -> Iterator[Reading]:
    """Yield what a line may mean, the likeliest first.

    Args:
        line: One of `lines_of`.
    """
    own = _OWN.search(line) or _OWN_END.search(line)
    if own is not None:
        line = own["failure"]
        close = _OWN_CLOSE.match(line)
        if close is not None:
            yield Closed((int(close[1]), close[2] or ""))
    for reader in _READERS:
        yield from reader(line)


def logged(line: str) -> Logged | None:
    """Return what a line says besides the failure; None if it is not of this library's own log.

    Args:
        line: One of `lines_of`.
    """
    own = _OWN.search(line)
    if own is None:
        return None
    age = None if own["age"] is None else float(own["age"])
    kind = (own["kind"] or "").lower().replace(" ", "_")
    return Logged(age, resumed=kind == FailureKind.HANDLE_REJECTED)


_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")
"""What a terminal is told, and a log may have kept."""

_GUTTER: Final = re.compile(r"^[ \t]*(?:[|+][ |+-]*(?:\d+ -+)?)?")
"""What stands before each line of an exception group's traceback, and between its parts."""


# This library's own log: "attempt failed: connection refused (transient)"

_OWN: Final = re.compile(
    r"\b(?:attempt failed|connection lost after (?P<age>\d+(?:\.\d+)?) s): (?P<failure>.*?)"
    rf"(?: \((?P<kind>{'|'.join(kind.replace('_', ' ') for kind in FailureKind)})\).*)?$",
    re.IGNORECASE,
)
_OWN_END: Final = re.compile(
    r"\bended for good: (?P<failure>.*?)(?:, after \d+ attempts? over \d+(?:\.\d+)? s)?"
    r"(?:; (?:up to )?\d.*)?$",
    re.IGNORECASE,
)
"""The last line of a session: how far the connection had come is not in it, but what it cost is."""

_OWN_CLOSE: Final = re.compile(r"([1-4]\d{3})(?: (.*))?$")


# A close, in the words of websockets: "received 1011 (internal error) x; then sent 1011 (...) x"

_SAID: Final = r"(\d{4}) \([^()]*\)(?: (.*?))?"
_CLOSE: Final = re.compile(
    rf"\b(received|sent) {_SAID}(?:; (?:no close frame (?:received|sent)|"
    rf"then (?:received|sent) {_SAID})$|$)"
)
_NO_FRAME: Final = "no close frame received or sent"


def _close(line: str) -> Iterator[Reading]:
    found = _CLOSE.search(line)
    if found is not None:
        first = int(found[2]), found[3] or ""
        second = None if found[4] is None else (int(found[4]), found[5] or "")
        received_first = found[1] == "received"
        received, sent = (first, second) if received_first else (second, first)
        yield Closed(received, sent, received_first or second is None)
    if _NO_FRAME in line:
        yield Closed(None)


# The same as Python writes it: ConnectionClosedError(Close(code=1011, reason='x'), None, None)

_TEXT: Final = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_FRAME: Final = rf"(?:None|Close\(code=(?:<[\w.]+: )?(\d+)>?, reason={_TEXT}\))"
_QUOTED: Final = re.compile(_TEXT)
_CLOSE_REPR: Final = re.compile(
    rf"\bConnectionClosed\w*\((?:rcvd=)?{_FRAME}, (?:sent=)?{_FRAME}(?:, .*?(True|False|None))?\)"
)


def _close_repr(line: str) -> Iterator[Reading]:
    found = _CLOSE_REPR.search(line)
    if found is not None:
        received, sent = _frame(found[1], found[2]), _frame(found[3], found[4])
        yield Closed(received, sent, found[5] != "False")


def _frame(code: str | None, reason: str | None) -> tuple[int, str] | None:
    return None if code is None or reason is None else (int(code), _literal(reason))


def _literal(text: str) -> str:
    """Return the text that Python has put in quotes."""
    try:
        return str(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        return text


# The SDK: "google.genai.errors.APIError: 1011 None. Internal error encountered."

_API: Final = re.compile(r"\b(\d{3,4}|None) (?:None|[A-Z][A-Z_]+)\. ?(.*)$")
_API_REPR: Final = re.compile(rf"\b(?:APIError|ClientError|ServerError)\({_TEXT}\)")


def _api(line: str) -> Iterator[Reading]:
    quoted = _API_REPR.search(line)
    found = _API.search(line if quoted is None else _literal(quoted[1]).replace("\n", " "))
    if found is not None:
        yield Api(int(found[1]) if found[1].isdecimal() else None, found[2])


# A status: "server rejected WebSocket connection: HTTP 503", httpx's and aiohttp's own words

_STATUS: Final = (
    re.compile(r"\bHTTP(?:/\d(?:\.\d)?)?[ :]+['\"]?([1-5]\d\d)\b[: ]*(.*)$"),
    re.compile(r"\berror '([1-5]\d\d) ([^']*)'"),
    re.compile(r"\b([1-5]\d\d), message=(.*)$"),
    re.compile(r"\bstatus(?:[ _]?code)?['\"]?[ :=]+([1-5]\d\d)\b[: ]*(.*)$", re.IGNORECASE),
)


def _status(line: str) -> Iterator[Reading]:
    for pattern in _STATUS:
        found = pattern.search(line)
        if found is not None:
            yield Refused(int(found[1]), found[2])


# Words that say it without a name or a number, where a log has left these out

_PHRASES: Final[tuple[tuple[str, Reading], ...]] = (
    (KEEPALIVE, Closed(None, (_INTERNAL_ERROR, KEEPALIVE))),
    ("broken off without a close frame", Closed(None)),
    ("timed out during opening handshake", Raised("TimeoutError", "")),
    (
        "did not receive a valid HTTP response",
        Raised("websockets.exceptions.InvalidMessage", "did not receive a valid HTTP response"),
    ),
)


def _phrase(line: str) -> Iterator[Reading]:
    for phrase, reading in _PHRASES:
        if phrase in line:
            yield reading


# An exception: "ConnectionResetError: [Errno 104] Connection reset by peer", or its repr

_NAMED: Final = re.compile(r"(?<![\w.])((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: (.*)|:?)$")
_CALLED: Final = re.compile(rf"(?<![\w.])((?:\w+\.)*[A-Za-z_]\w*)\((?:-?\d+, )?{_TEXT}?.*\)")


_EXCEPTION: Final = re.compile(r"(?:^|\.)(?:[A-Z]\w*[a-z]\w*|gaierror|herror)$")
"""What the name of an exception looks like: of those that can come here two are not capitalized."""


def _named(line: str) -> Iterator[Reading]:
    rest = line
    # From the left: what comes first is the exception, and a name in its text is not.
    while rest:
        found = _NAMED.search(rest)
        if found is None:
            break
        if _EXCEPTION.search(found[1]) is not None:
            yield Raised(found[1], found[2] or "")
        rest = found[2] or ""
    for called in _CALLED.finditer(line):
        if _EXCEPTION.search(called[1]) is not None:
            yield Raised(called[1], _literal(called[2]) if called[2] else "")


# What the operating system and OpenSSL write: "[Errno 111] Connect call failed"

_ERRNO: Final = re.compile(r"\[(?:Errno|WinError) (-?\d+)\] ?(.*)$")
_CERTIFICATE: Final = re.compile(r"certificate[_ ]verify[_ ]failed", re.IGNORECASE)
_TLS: Final = re.compile(r"\[SSL(?:: \w+)?\]")


def _system(line: str) -> Iterator[Reading]:
    if _CERTIFICATE.search(line) is not None:
        yield Raised("ssl.SSLCertVerificationError", line)
    elif _TLS.search(line) is not None:
        yield Raised("ssl.SSLError", line)
    found = _ERRNO.search(line)
    if found is not None:
        yield System(int(found[1]), found[2])


_LINE: Final = (
    ("connection refused", "ConnectionRefusedError"),
    ("connect call failed", "ConnectionRefusedError"),
    ("connection reset", "ConnectionResetError"),
    ("broken pipe", "BrokenPipeError"),
    ("timed out", "TimeoutError"),
    ("name or service not known", "socket.gaierror"),
    ("nodename nor servname provided", "socket.gaierror"),
    ("name resolution", "socket.gaierror"),
    ("network is unreachable", "OSError"),
    ("no route to host", "OSError"),
)


def _words(line: str) -> Iterator[Reading]:
    lower = line.lower()
    for words, name in _LINE:
        if words in lower:
            yield Raised(name, line)


# A close code with whatever stands around it: "Lost: 1008 session not found", "code: 1011, reason:"

_NAME: Final = r"(?: \([^()]*\))?"  # "close 1008 (policy violation): x"
_CODE: Final = re.compile(
    rf"\bcode['\"]?[ :=]+(\d{{4}})\b{_NAME}(?:.*?\breason['\"]?[ :=]+)?[ :,.-]*(.*)$", re.IGNORECASE
)
_NUMBER: Final = re.compile(
    rf"(?<![\d.:,+-])(10(?:0\d|1[0-5]))(?![\d:]|[.,]\d){_NAME}[ :,.-]*(.*)$"
)


def _code(line: str) -> Iterator[Reading]:
    for pattern in (_CODE, _NUMBER):
        found = pattern.search(line)
        if found is not None:
            # What stands after a reason in quotes, as in a line of JSON, is no part of it.
            quoted = _QUOTED.match(found[2])
            text = found[2].strip("'\" })") if quoted is None else _literal(quoted[1])
            yield Closed((int(found[1]), text))


_READERS: Final[tuple[Callable[[str], Iterator[Reading]], ...]] = (
    _close,
    _close_repr,
    _api,
    _status,
    _phrase,
    _named,
    _system,
    _words,
    _code,
)
