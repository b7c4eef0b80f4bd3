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
    """The record of one attempt that reached a TCP connection.

    Args:
        number: Its number; the first is 1.
        opened_at: When it was accepted, in seconds of the loop's clock.
        closed_at: When its socket was closed; None while it is open.
        path: The path that the handshake asked for; None before a handshake arrives.
        credential: The API key or token in the handshake; None if there was none.
        dialect: The protocol that the client uses; None for neither.
        status: The HTTP status of the response, 101 for a WebSocket; None before there is one.
        setup: The setup, normalised to snake_case; None before it arrives.
        handle: The handle in the setup; None for a new session.
        session: The id of the session that was opened or resumed; None before setupComplete.
        received: The client's messages after the setup, in order, normalised to snake_case.
        sent: The server's messages in order, including setupComplete; raw frames unchanged.
        close_code: The close code; 1006 if there was no close frame, None if the frame had no code.
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
        binary: Whether to send messages as binary frames.
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
