"""How much is kept for a connection that may never come, and what happens beyond it.

Pure. Three things are bounded: the messages that belong to the conversation, of which none may be
dropped; the realtime input, which must never make a microphone wait; and what the server has sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from reconnect._numbers import is_whole
from reconnect.errors import BufferOverflow

__all__ = ["CONVERSATION", "INBOX", "MEDIA", "Limit", "size_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much of one kind is kept at most, and what happens when it is full.

    Args:
        messages: How many messages.
        bytes: How many bytes of text and media are in them; their structure is not counted.
        full: What a message meets that does not fit: it may ``"wait"`` for room, the oldest may be
            dropped for it (``"drop"``), or `BufferOverflow` is raised.

    Raises:
        ValueError: If a number is below 1, or ``full`` none of those named.
    """

    messages: int
    bytes: int
    full: Literal["wait", "drop", "raise"]

    def __post_init__(self) -> None:
        for name in ("messages", "bytes"):
            number = getattr(self, name)
            if not (is_whole(number) and number >= 1):
                raise ValueError(f"{name} must be a whole number of at least 1, got {number!r}")
        if self.full not in ("wait", "drop", "raise"):
            raise ValueError(f"full must be 'wait', 'drop' or 'raise', got {self.full!r}")

    def fits(self, *, messages: int, bytes: int) -> bool:  # noqa: A002
        """Tell whether so much is within the limit."""
        return messages <= self.messages and bytes <= self.bytes

    def overflow(self, what: str, *, messages: int, bytes: int) -> BufferOverflow:  # noqa: A002
        """Return the error for so much of what is kept, which is named in the plural."""
        return BufferOverflow(
            what,
            messages=messages,
            bytes=bytes,
            message_limit=self.messages,
            byte_limit=self.bytes,
        )


CONVERSATION: Final = Limit(messages=1000, bytes=16 * 2**20, full="wait")
"""What is kept of typed turns, context and updates that no handle covers."""

MEDIA: Final = Limit(messages=15_000, bytes=64 * 2**20, full="drop")
"""What is kept of realtime input: five minutes of frames of 20 ms."""

INBOX: Final = Limit(messages=4096, bytes=64 * 2**20, full="wait")
"""What is kept of the server's messages for a caller who does not read; then the server waits."""


def size_of(value: Any) -> int:
    """Return the bytes of text and media in a message, an argument or a part of one.

    They are in text, bytes, and dicts, lists and the SDK's types that hold them; the rest is free.
    """
    # In UTF-8 a character may be more than a byte; in memory it is one as a rule. Each turn is
    # measured, so the texts in it are measured in place: a call takes longer than all else.
    if isinstance(value, (dict, list, tuple)):
        size = 0
        for each in value.values() if isinstance(value, dict) else value:
            size += len(each) if each.__class__ is str else size_of(each)
        return size
    if isinstance(value, (str, bytes, bytearray)):
        return len(value)
    fields = getattr(value, "__pydantic_fields_set__", None)
    if isinstance(fields, set):
        # Those of a class are none. Most fields of the SDK's types are empty: to look at all of
        # them takes ten times as long.
        return sum([size_of(getattr(value, name)) for name in fields])
    return value.nbytes if isinstance(value, memoryview) else 0
