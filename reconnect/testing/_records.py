"""What a server keeps: the record of each connection, and what all of them share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from . import _wire as wire
from ._exchange import Heard
from ._hearing import Transcriber, count_frames
from ._model import Model
from ._sessions import Memory


@dataclass(eq=False)
class Connection:
    """What is known of one attempt that got as far as a TCP connection.

    Args:
        number: Its number, the first is 1.
        opened_at: When it was accepted, in seconds of the loop's clock.
        closed_at: When its socket was closed; None while it is open.
        path: What the handshake asked for; None before one came.
        credential: The API key or token the handshake carried; None without.
        dialect: What the client speaks; None for neither.
        status: The HTTP status it was given, 101 for a WebSocket; None before.
        setup: The setup, normalised to snake_case; None before one came.
        handle: The handle the setup carried; None for a new session.
        session: Id of the session that was opened or resumed; None before setupComplete.
        received: The client's messages after the setup, in order, normalised to snake_case.
        sent: The server's messages in order, setupComplete included; raw frames as they were.
        close_code: How it ended; 1006 without a close frame, None for a frame without a code.
        close_reason: The reason of the close frame.
        ended_by: Who ended it; None while it is open.
    """

    number: int
    opened_at: float
    closed_at: float | None = None
    # A path may hold the key, too.
    path: str | None = field(default=None, repr=False)
    credential: str | None = field(default=None, repr=False)
    dialect: wire.Dialect | None = None
    status: int | None = None
    setup: Mapping[str, Any] | None = None
    handle: str | None = None
    session: str | None = None
    received: list[wire.Message] = field(default_factory=list[wire.Message])
    sent: list[wire.Message | str | bytes] = field(default_factory=list[wire.Message | str | bytes])
    close_code: int | None = None
    close_reason: str = ""
    ended_by: Literal["client", "server"] | None = None


@dataclass(frozen=True)
class Timing:
    """How long the server takes, in seconds.

    Args:
        handle_delay: From turnComplete to the handle that covers the turn.
        chunk_delay: Before each message of a reply.
        close_delay: Until a close is acknowledged.
    """

    handle_delay: float
    chunk_delay: float
    close_delay: float


@dataclass(eq=False)
class Shared:
    """What all connections of a server share.

    Args:
        memory: The sessions and handles.
        model: Who answers.
        timing: How long things take.
        binary: Whether messages go as binary frames.
        transcriber: Who puts speech into words.
        heard: All the model received.
        calls: How many tool calls were made.
    """

    memory: Memory
    model: Model
    timing: Timing
    binary: bool
    transcriber: Transcriber = count_frames
    heard: list[Heard] = field(default_factory=list[Heard])
    calls: int = 0

    def new_id(self) -> str:
        """Give the id of the next tool call."""
        self.calls += 1
        return f"call-{self.calls:04d}"
