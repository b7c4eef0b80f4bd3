"""Makes the exception that somebody had, from what was read of it."""

from __future__ import annotations

import contextlib
import importlib
from types import ModuleType
from typing import Any, Final

from reconnect._failures.classify import explain
from reconnect._failures.loss import LOWEST_CLOSE_CODE, Loss, Phase, read

from .texts import Api, Closed, Raised, Reading, Refused, System, lines_of, readings

__all__ = ["NotInstalledError", "closed", "from_text", "named", "refused"]

_HIGHEST_CLOSE_CODE: Final = 4999
_NO_CODE: Final = 1005
_HTTP_STATUSES: Final = range(100, 600)

_BARE: Final = (
    "builtins",
    "ssl",
    "socket",
    "asyncio.exceptions",
    "websockets.exceptions",
    "reconnect.errors",
    "google.genai.errors",
)
"""Where an exception is looked for whose module was not printed."""

_PACKAGES: Final = (
    "aiohttp",
    "anyio",
    "asyncio",
    "google.auth",
    "google.genai",
    "httpx",
    "httpx2",
    "reconnect",
    "socket",
    "ssl",
    "websockets",
)
"""The packages whose exceptions say what kind of failure they are. Of others nothing is imported:
that they are from elsewhere is all that counts."""

_ELSEWHERE: Final = ("Error", "Exception", "Exit", "Interrupt", "Timeout")
"""What the names of exceptions of any other package end with; else a logger is taken for one."""

_WRAPPERS: Final = frozenset({"ReconnectExhausted", "TooManyReconnects", "ExceptionGroup"})
"""What is raised from the failure that matters, or around it."""

_GAVE_UP: Final = "gave up"
"""What the first two say, and a log that has no names."""

_UNKNOWN: Final = (
    "no failure found in {!r}: pass a close code (1008), an HTTP status (503), the name of an"
    " exception, or a line of a log or a traceback that contains one of these"
)


class NotInstalledError(ValueError):
    """An exception is of a package that says what kind of failure it is, and that is not here."""


def from_text(text: str) -> tuple[str, BaseException]:
    """Return the last line of a text that tells of a failure, and the exception that it tells of.

    If no line does, the last one counts whose words the error table knows without a code.

    Args:
        text: A line, or a whole traceback.

    Raises:
        ValueError: If there is none of these either.
    """
    lines = lines_of(text)
    for line in reversed(lines):
        missing = None
        for reading in readings(line):
            try:
                error = _made(reading)
            except NotInstalledError as unknown:
                missing = missing or unknown
            else:
                if error is not None:
                    return line, error
        if missing is not None:
            raise missing
    # In a log such words may mean anything, so they count only where nothing else does.
    for line in reversed(lines):
        error = closed(_NO_CODE, line)
        if explain(Loss(error, phase=Phase.SESSION)).text is not None:
            return line, error
    if not lines:
        raise ValueError("nothing to explain: the text is empty")
    if any(wrapper in text for wrapper in (*_WRAPPERS, _GAVE_UP)):
        raise ValueError(
            f"{lines[-1]!r} does not say what failed, but its cause does, which is above it in the"
            " traceback"
        )
    raise ValueError(_UNKNOWN.format(lines[-1]))


def closed(code: int, text: str) -> BaseException:
    """Return what websockets raises over a close.

    Args:
        code: The close code; 1006 for no close frame.
        text: The reason.

    Raises:
        ValueError: If there is no such code.
    """
    if not LOWEST_CLOSE_CODE <= code <= _HIGHEST_CLOSE_CODE:
        raise ValueError(f"a close code must be from 1000 to 4999, got {code}")
    return _closed(Closed((code, text)))


def refused(status: int, text: str) -> BaseException:
    """Return what websockets raises over a handshake that was answered with a status.

    Args:
        status: The status.
        text: The body of the response.

    Raises:
        ValueError: If there is no such status.
    """
    from websockets.datastructures import Headers  # noqa: PLC0415
    from websockets.exceptions import InvalidStatus  # noqa: PLC0415
    from websockets.http11 import Response  # noqa: PLC0415

    if status not in _HTTP_STATUSES:
        raise ValueError(f"an HTTP status must be from 100 to 599, got {status}")
    return InvalidStatus(Response(status, "", Headers(), text.encode()))


def named(name: str, text: str) -> BaseException | None:
    """Return an exception by its name; None if there is none of this name.

    Args:
        name: Its class, with or without its module.
        text: What it says.

    Raises:
        NotInstalledError: If it is one of a package that is not installed here.
    """
    module, _, bare = name.rpartition(".")
    if bare in _WRAPPERS:
        return None
    if module and not any(f"{module}.".startswith(f"{package}.") for package in _PACKAGES):
        return _stand_in(bare, module, text) if bare.endswith(_ELSEWHERE) else None
    for place in [module] if module else _BARE:
        kind = getattr(_module(place), bare, None)
        # Not an alias, such as socket.error: logs begin with words like these.
        if _is_exception(kind, bare):
            return _instance(kind, text)
    return None


def _is_exception(kind: Any, name: str) -> bool:
    is_one = isinstance(kind, type) and issubclass(kind, BaseException)
    return is_one and not issubclass(kind, Warning) and kind.__name__ == name


def _stand_in(name: str, module: str, text: str, base: Any = Exception) -> BaseException:
    """Return an exception that is read as one of a class that cannot be made here."""
    kind: type[BaseException] = type(name, (base,), {"__module__": module})
    return kind(text)


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name == package:
            raise NotInstalledError(
                f"to read exceptions of {package}, it must be installed: pip install"
                f" {package}, or pass only the code or the status"
            ) from error
        return None


def _instance(kind: Any, text: str) -> BaseException | None:
    """Return an exception that says a text; None for one that takes more than a text."""
    made: list[BaseException] = []
    # OpenSSL's errors say a text only if they have a number; some of websockets have two parts.
    for arguments in [(text,), (1 if issubclass(kind, OSError) else text, text)]:
        with contextlib.suppress(Exception):
            error = kind(*arguments)
            read(error)
            made.append(error)
    if made:
        return next((error for error in made if str(error) == text), made[0])
    if kind.__module__.partition(".")[0] in {"asyncio", "builtins", "reconnect"}:
        # These are read by what of Python's own they inherit from.
        base = next(b for b in kind.__mro__[1:] if b.__module__ == "builtins")
        return _stand_in(kind.__name__, kind.__module__, text, base)
    return None


def _made(reading: Reading) -> BaseException | None:
    match reading:
        case Closed():
            return _closed(reading)
        case Api(code, details):
            return _api(code, details)
        case Refused(status, text):
            return refused(status, text)
        case System(number, text):
            return OSError(number, text)
        case Raised(name, text):
            return named(name, text)


def _closed(reading: Closed) -> BaseException:
    from websockets.exceptions import ConnectionClosedError  # noqa: PLC0415
    from websockets.frames import Close  # noqa: PLC0415

    received, sent = (
        None if frame is None else Close(*frame) for frame in (reading.received, reading.sent)
    )
    both = received is not None and sent is not None
    return ConnectionClosedError(received, sent, reading.received_first if both else None)


def _api(code: Any, details: str) -> BaseException:
    from google.genai.errors import APIError  # noqa: PLC0415

    # It looks for a code in what it is given, where it is given none.
    return APIError(code, details if code is not None else {"message": details}, None)
