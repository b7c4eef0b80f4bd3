"""What a send is: the SDK's own call where there is a connection for it, else held.

What the SDK refuses is refused at the call in either case, and what is kept is a copy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from reconnect._conversation.conversation import Conversation
from reconnect._conversation.copies import copy_of
from reconnect._conversation.exchanges import ANSWER, CONTENT, Call
from reconnect._conversation.outbox import Outbox
from reconnect._conversation.transcript import as_turns

from . import sdk
from .dry_run import DryRun
from .writer import Writer

__all__ = ["Sender"]


class Sender:
    """Sends for the caller, over all connections.

    Args:
        conversation: The conversation.
        outbox: What waits to be written.
        check_usable: Raises if the session is not open, or has ended.
        log: Called with a level and a sentence.
    """

    def __init__(
        self,
        conversation: Conversation,
        outbox: Outbox,
        *,
        check_usable: Callable[[], None],
        log: Callable[[int, str], None],
    ) -> None:
        self._conversation = conversation
        self._outbox = outbox
        self._check_usable = check_usable
        self._log = log
        # Who writes to the connection that there is; None while there is none.
        self.writer: Writer | None = None
        self._vertexai = False
        self._dry_run: DryRun | None = None
        # Set when there may be room for more.
        self._room = asyncio.Event()

    @property
    def direct(self) -> bool:
        """Whether a send is the SDK's own call now."""
        return self.writer is not None and self.writer.direct

    def flush(self) -> None:
        """Look again at what can be written, and whether there is room for more."""
        if self.writer is not None:
            self.writer.wake()
        # All who wait now, and nobody who comes later.
        self._room.set()
        self._room.clear()

    def hold(self) -> None:
        """Let nobody write any more: the connection is over."""
        if self.writer is not None:
            self.writer.hold()

    def connecting(self, *, vertexai: bool) -> None:
        """Note which backend is connected to.

        Args:
            vertexai: Whether it is Vertex: the two take different messages.
        """
        if vertexai is not self._vertexai:
            self._vertexai, self._dry_run = vertexai, None

    async def converse(self, call: Call) -> None:
        """Send a message that belongs to the conversation: it is held until it is safe."""
        self._check_usable()
        judged = not self.direct
        if judged:
            await self._judge().check(call)
        try:
            kept = Call(call.method, _kept(call))
        except Exception:
            # For the SDK to say what is wrong with it.
            await self._judge().check(call)
            raise
        while not self._conversation.has_room(kept):
            await self._room.wait()
            self._check_usable()
        if self.writer is not None and self.writer.direct:
            await self.writer.write(self._outbox.direct(kept, given=call))
        else:
            if not judged:
                await self._judge().check(call)
            # What was made past pydantic's checks may not be taken as a copy, when it is written.
            await self._judge().check(kept)
            self._conversation.record(kept)
            self.flush()

    async def stream(self, arguments: dict[str, Any]) -> None:
        """Send realtime input; what cannot be written at once is held."""
        self._check_usable()
        if not self.direct or self.writer is None:
            await self._hold(arguments)
        else:
            if sdk.is_to_be_read(arguments):
                # As a blob, which can be kept; the SDK reads a picture's file at each call.
                arguments = await self._judge().read(arguments)
            await self.writer.write(self._outbox.streamed(arguments))

    async def answer(self, function_responses: Any) -> None:
        """Send results of tool calls, as far as somebody waits for them."""
        self._check_usable()
        call = Call(ANSWER, {"function_responses": function_responses})
        if not self.direct:
            await self._judge().check(call)
        try:
            results = sdk.results_of(function_responses)
        except Exception:
            # As in `converse`.
            await self._judge().check(call)
            raise
        if not results:
            await self._judge().check(call)
        wanted = self._outbox.answer(results)
        if len(wanted) < len(results):
            self._log(
                logging.INFO,
                "a tool response was not sent, because its call was lost with its connection",
            )
            call = Call(ANSWER, {"function_responses": wanted})
        if not wanted:
            # One of them may be the result of a call that was made again.
            self.flush()
            return
        if self.writer is not None and self.writer.direct:
            await self.writer.write(self._outbox.answered(call, results))
            # A known result may have waited for this one.
            self.flush()
        else:
            self._outbox.hold_results(wanted)
            self.flush()

    async def translate(self, given: Any, *, end_of_turn: bool) -> list[Call]:
        """Return what the SDK's deprecated ``send()`` would write, as calls of its others."""
        self._check_usable()
        return await self._judge().translate(given, end_of_turn=end_of_turn)

    def _judge(self) -> DryRun:
        if self._dry_run is None:
            self._dry_run = DryRun(vertexai=self._vertexai)
        return self._dry_run

    async def _hold(self, arguments: dict[str, Any]) -> None:
        """Hold realtime input until there is a connection for it."""
        read = await self._judge().read(arguments)
        self._check_usable()
        self._outbox.hold(read)
        self.flush()


def _kept(call: Call) -> dict[str, Any]:
    """Return the arguments of a message as they are kept: the caller may change its own."""
    if call.method != CONTENT or "turns" not in call.arguments:
        copied: dict[str, Any] = copy_of(call.arguments)
        return copied
    # The SDK takes contents as dicts too, which pydantic makes of them in half the time.
    turns = [
        # The role of a `ModelContent` is a default: it was never set.
        turn.model_dump(exclude_unset=True) | {"role": turn.role}
        if hasattr(turn, "model_dump")
        else copy_of(turn)
        for turn in as_turns(call.arguments["turns"])
    ]
    return {**call.arguments, "turns": turns}
