"""What the user of an app has had of it: replies, and what ended it; for every framework alike."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from reconnect import Event, Restarted, Resumed

PATIENCE = 90.0
"""Seconds of virtual time that anything may take to come."""

RESULT = re.compile(r"lookup returned \{.*\}\. That")
"""A framework wraps the result of a tool as it likes: what is compared is that there is one."""


@dataclass
class Reply:
    """A reply, as it came.

    Args:
        words: Its words so far.
        audio: How many frames of its audio the player was given.
        state: "open" while it goes on, "whole" once the framework said that it is over, and "taken
            back" if the framework made the player drop it.
    """

    words: str = ""
    audio: int = 0
    state: str = "open"


@dataclass
class Listener:
    """The user's end of an app: a player that drops a reply on the framework's signal alone.

    Args:
        replies: All replies that have begun, in order.
        runs: The names of the tools that have begun to run, in order.
        fault: What the framework has reported first as an error that ends the conversation; None
            for nothing.
        ended: Whether the app has come to its end.
        maybe_twice: How many questions may have been asked twice, as the library's events say.
        gap: Seconds of the longest gap, by the same.
        lost_audio: Seconds of audio that were dropped in gaps, by the same.
    """

    replies: list[Reply] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    fault: object = None
    ended: bool = False
    maybe_twice: int = 0
    gap: float = 0.0
    lost_audio: float = 0.0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, words: str = "", audio: int = 0) -> None:
        """Add to the reply that is being given, or begin one."""
        if not words and not audio:
            return
        if not self.replies or self.replies[-1].state != "open":
            self.replies.append(Reply())
        self.replies[-1].words += words
        self.replies[-1].audio += audio
        self._changed.set()

    def close_reply(self, state: str) -> None:
        """End the reply that is being given, if there is one."""
        if self.replies and self.replies[-1].state == "open":
            self.replies[-1].state = state
            self._changed.set()

    def run(self, tool: str) -> None:
        """Note that a tool begins to run."""
        self.runs.append(tool)
        self._changed.set()

    def fail(self, error: object) -> None:
        """Note an error that the framework reports."""
        if self.fault is None:
            self.fault = error
        self._changed.set()

    def end(self) -> None:
        """Note that the app has come to its end."""
        self.ended = True
        self._changed.set()

    def note(self, event: Event) -> None:
        """Note what the library says of a gap."""
        if isinstance(event, Resumed | Restarted):
            self.maybe_twice += event.continuity.maybe_twice
            self.gap = max(self.gap, event.continuity.outage)
            self.lost_audio += event.continuity.lost_audio

    @property
    def whole(self) -> list[str]:
        """The words of the replies that stand."""
        return [plain(reply.words) for reply in self.replies if reply.state == "whole"]

    @property
    def speaking(self) -> bool:
        """Whether a reply has begun and is not over."""
        return bool(self.replies) and self.replies[-1].state == "open"

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: If it is not within `PATIENCE`.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"{what} did not come within {PATIENCE:g} s") from None


def plain(words: str) -> str:
    """Return the words of a reply, without the result that a tool gave."""
    return RESULT.sub("lookup returned. That", " ".join(words.split()))
