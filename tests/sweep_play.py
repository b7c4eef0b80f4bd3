"""What came of a random conversation: what the caller saw and did, and what the server knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One thing that the caller saw or did.

    Args:
        time: When.
        kind: What: "words", "generated", "interrupted", "end", "call", "cancel", "event"; "sent",
            "result", "hang", "raised".
        value: The words as `words_in` gives them, the call as its turn and place, ids, the event,
            the number of the step, or an error.
    """

    time: float
    kind: str
    value: Any = None


@dataclass(eq=False)
class Play:
    """What came of a conversation.

    Args:
        conversation: The conversation.
        log: What the caller saw and did, in order.
        connections: The server's record of each connection.
        heard: What the model heard, over all of them.
        context: What the newest session knows.
        left: Tasks of the session that were there after it.
    """

    conversation: Any
    log: list[Entry] = field(default_factory=list)
    connections: list[Any] = field(default_factory=list)
    heard: list[Any] = field(default_factory=list)
    context: list[Any] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def of(self, kind):
        """Return the values of all entries of a kind."""
        return [entry.value for entry in self.log if entry.kind == kind]
