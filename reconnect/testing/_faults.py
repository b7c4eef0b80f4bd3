"""What can go wrong with a connection, and when it does.

Pure: the faults are frozen values, and ``Schedule`` only answers which of them are due. Carrying
them out is the connection's work.

A fault without a trigger acts right after setupComplete when it was planned, and at once when it
was injected.
"""

import http
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, TypeVar, cast

from reconnect._numbers import is_number, is_whole

INTERNAL_ERROR_CODE = 1011
INTERNAL_ERROR = "Internal error encountered."
DEADLINE_EXPIRED = "Deadline expired before operation could complete."
NOT_FOUND_CODE = 1008
NOT_FOUND = "BidiGenerateContent session not found"
ABNORMAL_CODE = 1006

REASON_BYTES = 123
"""What a close frame has room for."""

_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_PRIVATE_CODES = range(3000, 5000)
_UNSENT = frozenset({1005, 1006, 1015})
_STATUSES = frozenset(range(200, 600)) & set(http.HTTPStatus)
_DURATION = re.compile(r"(\d+(?:\.\d{1,9})?)s", re.ASCII)


def cut(reason: str) -> str:
    """Shorten a close reason to the 123 bytes a close frame has room for."""
    return reason.encode()[:REASON_BYTES].decode(errors="ignore")


def _check_seconds(name: str, seconds: float) -> None:
    if not (is_number(seconds) and 0 <= seconds < math.inf):
        raise ValueError(f"{name} must be a number of seconds, 0 or more, not {seconds!r}")


def _check_count(name: str, count: int | None, *, least: int) -> None:
    if count is not None and not (is_whole(count) and count >= least):
        raise ValueError(f"{name} must be a whole number of at least {least}, not {count!r}")


def _check_code(name: str, code: int) -> None:
    if is_whole(code) and code in _UNSENT:
        raise ValueError(
            f"{name} must be a close code that can be sent, not {code!r}, which means none;"
            " use an abort, or a close with the code None"
        )
    if not is_whole(code) or not (code in _CLOSE_CODES or code in _PRIVATE_CODES):
        raise ValueError(f"{name} must be a close code that can be sent, not {code!r}")


@dataclass(frozen=True, kw_only=True)
class Triggered:
    """A fault that acts at a moment of the connection; at most one trigger may be given.

    Args:
        during_setup: Whether it acts when the setup arrives: instead of the answer, or before the
            answer if the connection goes on.
        after_sent: Acts when the server has sent this many messages after setupComplete; 0 is right
            after setupComplete. None for no such trigger.
        after_received: Acts when the client has sent this many messages after the setup; None for
            no such trigger.
        processed: Whether the model first processes the message of ``after_received``.
        at: Acts this many seconds after setupComplete; None for no such trigger.

    Raises:
        ValueError: If there are two triggers, or one is out of range.
    """

    during_setup: bool = False
    after_sent: int | None = None
    after_received: int | None = None
    processed: bool = True
    at: float | None = None

    def __post_init__(self) -> None:
        given = [self.after_sent, self.after_received, self.at]
        if self.during_setup + sum(item is not None for item in given) > 1:
            raise ValueError(f"more than one trigger in {self!r}")
        _check_count("after_sent", self.after_sent, least=0)
        _check_count("after_received", self.after_received, least=1)
        if self.at is not None:
            _check_seconds("at", self.at)
        if not self.processed and self.after_received is None:
            raise ValueError("processed=False has no effect without after_received")


@dataclass(frozen=True)
class Refuse:
    """The attempt fails before a WebSocket is open.

    Args:
        status: The HTTP status of the response to the handshake, 200 to 599; None resets the TCP
            connection as soon as it is accepted, before TLS.
        headers: Further HTTP headers, such as Retry-After.
        body: The text of the HTTP response.

    Raises:
        ValueError: If ``status`` is not an HTTP status.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""

    def __post_init__(self) -> None:
        if self.status is None:
            if self.headers or self.body:
                raise ValueError("headers and body need a status")
        elif not is_whole(self.status) or self.status not in _STATUSES:
            raise ValueError(f"status must be an HTTP status from 200 to 599, not {self.status!r}")


@dataclass(frozen=True)
class Delay:
    """The server is slow to answer.

    Args:
        seconds: How long.
        of: What to delay: "setup" (setupComplete) or "handshake" (the HTTP response).

    Raises:
        ValueError: If ``seconds`` is negative, or ``of`` is neither of the two.
    """

    seconds: float
    of: Literal["handshake", "setup"] = "setup"

    def __post_init__(self) -> None:
        _check_seconds("seconds", self.seconds)
        if self.of not in {"handshake", "setup"}:
            raise ValueError(f'of must be "handshake" or "setup", not {self.of!r}')


@dataclass(frozen=True)
class Close(Triggered):
    """The server ends the connection with a close frame.

    Args:
        code: The close code; None sends a close frame without one.
        reason: The close reason, truncated to the maximum of 123 bytes.

    Raises:
        ValueError: If the code cannot be sent (1005, 1006 and 1015 mean that none was sent).
    """

    code: int | None = INTERNAL_ERROR_CODE
    reason: str = INTERNAL_ERROR

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.code is not None:
            _check_code("code", self.code)


@dataclass(frozen=True)
class Abort(Triggered):
    """The connection is reset (TCP RST) without a close frame."""


@dataclass(frozen=True)
class Stall(Triggered):
    """The server stops reading and writing messages, and does not acknowledge a close.

    Args:
        pongs: Whether it still answers the pings that it reads.
        reads: Whether it still reads from the socket; if not, the client's writes fill up the
            buffers. Such a server also does not notice when the client leaves, so it frees the
            session at once.
    """

    pongs: bool = True
    reads: bool = True


@dataclass(frozen=True, kw_only=True)
class Silence(Stall):
    """The server never answers the setup: a ``Stall`` during the setup."""

    during_setup: bool = True


@dataclass(frozen=True)
class GoAway(Triggered):
    """The server announces the end of the connection, and ends it when the time is up.

    Args:
        time_left: The announced time, a protobuf duration such as "9.5s"; None omits it. Any other
            text is sent unchanged. Without a readable time, the connection is not closed.
        close_code: How to end it if it is still open then; 1006 resets it, None leaves it open.
        close_reason: The close reason.
        silent: Whether the server stalls after the announcement.

    Raises:
        ValueError: If the code cannot be sent.
    """

    time_left: str | None = "10s"
    close_code: int | None = INTERNAL_ERROR_CODE
    close_reason: str = DEADLINE_EXPIRED
    silent: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.close_code is not None and self.close_code != ABNORMAL_CODE:
            _check_code("close_code", self.close_code)

    @property
    def seconds(self) -> float | None:
        """The announced time in seconds; None if it is missing or cannot be read."""
        match = _DURATION.fullmatch(self.time_left or "")
        return float(match[1]) if match else None

    @property
    def ending(self) -> Close | Abort | None:
        """What the server does when the time is up; None for nothing."""
        if self.close_code is None:
            return None
        if self.close_code == ABNORMAL_CODE:
            return Abort()
        return Close(self.close_code, self.close_reason)


@dataclass(frozen=True)
class RejectHandle:
    """A setup with a handle is refused; a setup without one is accepted.

    Args:
        code: The close code.
        reason: The close reason.
        after_setup: Whether setupComplete is sent first.

    Raises:
        ValueError: If the code cannot be sent.
    """

    code: int = NOT_FOUND_CODE
    reason: str = NOT_FOUND
    after_setup: bool = False

    def __post_init__(self) -> None:
        _check_code("code", self.code)


@dataclass(frozen=True)
class Frame(Triggered):
    """The server sends a raw frame.

    Args:
        data: The frame; a ``str`` is sent as text, ``bytes`` as binary.
    """

    data: str | bytes


Fault: TypeAlias = Refuse | Delay | Close | Abort | Stall | GoAway | RejectHandle | Frame
ConnectionFault: TypeAlias = Close | Abort | Stall | GoAway | Frame

_DIAL = (Refuse, Delay, RejectHandle)
_CONNECTION = (Close, Abort, Stall, GoAway, Frame)
_Kind = TypeVar("_Kind", Refuse, RejectHandle)


class Schedule:
    """The faults of one connection, and which of them are due.

    Args:
        faults: What was planned for this connection.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        planned = tuple(faults)
        self._dial = [fault for fault in planned if isinstance(fault, _DIAL)]
        self._pending = [self._placed(fault) for fault in planned if isinstance(fault, _CONNECTION)]

    @staticmethod
    def _placed(fault: ConnectionFault) -> ConnectionFault:
        triggers = (fault.after_sent, fault.after_received, fault.at)
        if fault.during_setup or any(item is not None for item in triggers):
            return fault
        return replace(fault, after_sent=0)

    @property
    def refusal(self) -> Refuse | None:
        """How the attempt is refused; None if it is not."""
        return self._first(Refuse)

    @property
    def rejection(self) -> RejectHandle | None:
        """How a handle is refused; None if it is not."""
        return self._first(RejectHandle)

    @property
    def pending(self) -> tuple[ConnectionFault, ...]:
        """What has not acted yet."""
        return tuple(self._pending)

    def _first(self, kind: type[_Kind]) -> _Kind | None:
        return next((fault for fault in self._dial if isinstance(fault, kind)), None)

    def delay(self, of: Literal["handshake", "setup"]) -> float:
        """Give the seconds an answer is late."""
        delays = (fault for fault in self._dial if isinstance(fault, Delay))
        return sum(fault.seconds for fault in delays if fault.of == of)

    def add(self, fault: ConnectionFault, *, sent: int, received: int) -> ConnectionFault | None:
        """Take in an injected fault whose counts start now.

        Args:
            fault: The fault; its counts are as from now.
            sent: Server messages sent so far.
            received: Client messages received so far.

        Returns:
            The fault when it is due at once or timed, which is the caller's part; else None.

        Raises:
            ValueError: If it is meant for the setup.
        """
        if fault.during_setup:
            raise ValueError(f"the setup is already over, so this fault cannot act: {fault!r}")
        if fault.after_sent:
            self._pending.append(replace(fault, after_sent=fault.after_sent + sent))
        elif fault.after_received is not None:
            self._pending.append(replace(fault, after_received=fault.after_received + received))
        else:
            return fault
        return None

    def on_setup(self) -> list[ConnectionFault]:
        """Give what is due when the setup has come."""
        return self._due([fault for fault in self._pending if fault.during_setup])

    def on_sent(self, count: int) -> list[ConnectionFault]:
        """Give what is due after so many server messages."""
        return self._due([fault for fault in self._pending if fault.after_sent == count])

    def on_received(self, count: int, *, processed: bool) -> list[ConnectionFault]:
        """Give what is due after so many client messages, before or after the model took it in."""
        due = [
            fault
            for fault in self._pending
            if fault.after_received == count and fault.processed is processed
        ]
        return self._due(due)

    def timed(self) -> list[tuple[float, ConnectionFault]]:
        """Give the faults that act by the clock, with their seconds after setupComplete."""
        due = self._due([fault for fault in self._pending if fault.at is not None])
        return [(cast("float", fault.at), fault) for fault in due]

    def _due(self, faults: list[ConnectionFault]) -> list[ConnectionFault]:
        """Take the faults out: each acts once."""
        self._pending = [fault for fault in self._pending if fault not in faults]
        return faults
