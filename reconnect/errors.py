"""The exceptions that this library defines.

::

    ConnectionError
    ├── ReconnectExhausted   the policy's budget is spent
    ├── TooManyReconnects    there were too many reconnects within an hour
    ├── RemoteProtocolError  the server sent a frame that the SDK cannot read
    └── SessionClosed        the session was used after it was closed

    BufferError
    └── BufferOverflow       a buffer of the session is full

Any other error that ends a session is raised unchanged: the SDK's ``APIError``, the
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
    """A buffer of the session is full.

    Args:
        what: What the buffer holds, in the plural.
        messages: How many messages it would have held.
        bytes: How many bytes it would have held.
        message_limit: How many messages it may hold.
        byte_limit: How many bytes it may hold.
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
            f"the buffer for {self.what} is full: {self.messages} messages with {self.bytes} bytes"
            f" exceed the limit of {self.message_limit} messages and {self.byte_limit} bytes;"
            " send less until a handle covers what is kept, or raise the Limit"
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
    """The policy's budget of attempts and time is spent.

    The last error is its ``__cause__``.

    Args:
        attempts: How many attempts were made in this outage.
        elapsed: Seconds since the outage began.
    """

    def __init__(self, *, attempts: int, elapsed: float) -> None:
        super().__init__(attempts, elapsed)
        self.attempts = attempts
        self.elapsed = elapsed

    def __str__(self) -> str:
        attempts = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return (
            f"gave up after {attempts} over {self.elapsed:.1f} s; raise the policy's stop= to try"
            " longer, or look at the cause for what went wrong"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _exhausted, (self.attempts, self.elapsed)


def _exhausted(attempts: int, elapsed: float) -> ReconnectExhausted:
    """Rebuild the error in another process: pickle knows no keyword-only arguments."""
    return ReconnectExhausted(attempts=attempts, elapsed=elapsed)


class TooManyReconnects(ConnectionError):
    """The session reconnected more often than ``max_reconnects_per_hour``.

    The last error is its ``__cause__``. Each reconnect succeeded, so no outage lasted long enough
    to give up.

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

    Its ``__cause__`` is what the SDK raised: a ``ValueError`` for a frame that is not JSON, or a
    ``TypeError`` for one that holds only an error. The connection is dropped, and this error is
    classified like any other loss.
    """


class SessionClosed(ConnectionError):
    """The session was used after it was closed."""


class SetupTimeout(TimeoutError):
    """The server accepted the connection but sent no setupComplete in time.

    The SDK has no timeout for this. An attempt that hangs before this point raises a plain
    ``TimeoutError``.
    """


class ResumeUnconfirmed(TimeoutError):
    """A session was resumed, but no ``session_resumption_update`` arrived in time.

    The connection is dropped, and the handle counts as rejected.

    Args:
        timeout: How many seconds the session waited.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)
        self.timeout = timeout

    def __str__(self) -> str:
        return (
            f"no session_resumption_update within {float(self.timeout):g} s of a resume, so the"
            " handle counts as rejected; raise resume_confirm_timeout= to wait longer, or omit it"
            " to disable the check"
        )
