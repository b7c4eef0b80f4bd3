"""The exceptions that this library raises itself.

::

    ConnectionError
    ├── ReconnectExhausted   the budget of attempts and time is spent
    ├── TooManyReconnects    each reconnect went well, and there were too many of them
    ├── RemoteProtocolError  the server sent what the SDK cannot read
    └── SessionClosed        the caller closed the session, then used it

    BufferError
    └── BufferOverflow       more is to be kept than there is room for

Whatever else ends a session is raised as it came: the SDK's ``APIError``, the
``ConnectionClosed`` of websockets, an ``OSError``.
"""

from __future__ import annotations

__all__ = [
    "BufferOverflow",
    "ReconnectExhausted",
    "RemoteProtocolError",
    "SessionClosed",
    "TooManyReconnects",
]


class BufferOverflow(BufferError):
    """More was to be kept for a connection than there is room for.

    Args:
        what: What is kept, in the plural.
        messages: How many messages there would have been.
        bytes: How many bytes.
        message_limit: How many messages there may be.
        byte_limit: How many bytes.
    """

    def __init__(
        self,
        what: str,
        *,
        messages: int,
        bytes: int,  # noqa: A002
        message_limit: int,
        byte_limit: int,
    ) -> None:
        super().__init__(what, messages, bytes, message_limit, byte_limit)
        self.what = what
        self.messages = messages
        self.bytes = bytes
        self.message_limit = message_limit
        self.byte_limit = byte_limit

    def __str__(self) -> str:
        return (
            f"no room for more {self.what}: {self.messages} messages with {self.bytes} bytes would"
            f" be kept, and {self.message_limit} with {self.byte_limit} may be; send less before a"
            " handle covers it, or raise the Limit"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _overflow, self.args


def _overflow(
    what: str,
    messages: int,
    size: int,
    message_limit: int,
    byte_limit: int,
) -> BufferOverflow:
    """Rebuild the error in another process: pickle knows no keyword-only arguments."""
    return BufferOverflow(
        what, messages=messages, bytes=size, message_limit=message_limit, byte_limit=byte_limit
    )


class ReconnectExhausted(ConnectionError):
    """The session was not brought back within the policy's budget.

    Raised from the last error, which is its ``__cause__``.

    Args:
        attempts: How many attempts were made in this outage.
        elapsed: Seconds since the outage began.
    """

    def __init__(self, *, attempts: int, elapsed: float) -> None:
        super().__init__(attempts, elapsed)
        self.attempts = attempts
        self.elapsed = elapsed

    def __str__(self) -> str:
        dials = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return (
            f"gave up after {dials} over {self.elapsed:.1f} s; raise the policy's stop= to try"
            " longer, or look at the cause for what went wrong"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _exhausted, (self.attempts, self.elapsed)


def _exhausted(attempts: int, elapsed: float) -> ReconnectExhausted:
    """Rebuild the error in another process: pickle knows no keyword-only arguments."""
    return ReconnectExhausted(attempts=attempts, elapsed=elapsed)


class TooManyReconnects(ConnectionError):
    """The session reconnected and dropped again too often within an hour.

    Raised from the last error, which is its ``__cause__``. Each reconnect went well, so no outage
    ever lasted long enough to be given up; a session that lives like this serves nobody.

    Args:
        reconnects: How many there were within the hour.
    """

    def __init__(self, reconnects: int) -> None:
        super().__init__(reconnects)
        self.reconnects = reconnects

    def __str__(self) -> str:
        return (
            f"gave up: {self.reconnects} reconnects within an hour; raise the policy's"
            " max_reconnects_per_hour= to go on, or look at the cause for what ends them"
        )


class RemoteProtocolError(ConnectionError):
    """The server sent a frame that the SDK cannot read.

    Raised from what the SDK made of it: a ``ValueError`` for a frame that is no JSON, a
    ``TypeError`` for one that holds only an error. The connection is given up, and classified as
    any other loss.
    """


class SessionClosed(ConnectionError):
    """The session had been closed by its owner when it was used."""


class SetupTimeout(TimeoutError):
    """The connection was there, and no setupComplete came in time.

    The SDK has no limit of its own for this; an attempt that hangs before it is a plain
    ``TimeoutError``.
    """


class ResumeUnconfirmed(TimeoutError):
    """A session was resumed, and no ``session_resumption_update`` came in time.

    The connection is given up, and the handle counts as rejected.

    Args:
        timeout: Seconds that were waited.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)
        self.timeout = timeout

    def __str__(self) -> str:
        return (
            f"no session_resumption_update within {self.timeout:g} s of a resume, so the handle"
            " counts as rejected; raise resume_confirm_timeout= to wait longer, or leave it out"
            " to wait for ever"
        )
