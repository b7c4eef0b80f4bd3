"""The tools of the demo: get what the trip needs, and keep the record of what was got.

A booking cannot be taken back, so a tool that runs twice has booked somebody twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from google.genai import types

from .timeline import Timeline

__all__ = ["BOOK", "DONE", "NUMBER", "RENT", "TOOLS", "WHAT", "Tools", "told"]

BOOK: Final = "book"
RENT: Final = "rent"
"""The two functions."""

WHAT: Final = "what"
"""Their one argument; their result tells it too."""

NUMBER: Final = "number"
"""What their result tells besides: the number of the booking."""

DONE: Final[Mapping[str, str]] = MappingProxyType({BOOK: "booked", RENT: "rented"})
"""What has become of a thing when a function has run."""

_TAKES: Final = {BOOK: 0.4, RENT: 0.6}
"""Seconds that a function takes; one that is cancelled before has done nothing."""


def _declared(name: str) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=name,
        description=f"{name.capitalize()}s one thing for the trip. It cannot be taken back.",
        parameters=types.Schema(
            type=types.Type.OBJECT,
            properties={
                WHAT: types.Schema(
                    type=types.Type.STRING, description="The thing in one word, as it was named"
                )
            },
            required=[WHAT],
        ),
    )


TOOLS: Final = types.Tool(function_declarations=[_declared(name) for name in DONE])


def told(name: str | None, what: str) -> str:
    """Put a call into words.

    Args:
        name: The function.
        what: What it is called for.
    """
    return f"{name}({what})"


class Tools:
    """Runs the tools when the model calls them, while the conversation goes on.

    Nothing here knows of lost connections: it does what every program does that uses the API, and
    drops a call that a ``tool_call_cancellation`` names.

    Args:
        timeline: Where everything is shown.
        answered: Called once a result has been sent.
    """

    def __init__(self, timeline: Timeline, answered: Callable[[], None]) -> None:
        self.called: list[str] = []
        """What the calls ask for that the client was shown, in order."""
        self.shown_on: dict[str, int] = {}
        """The connection on which the client was shown the newest call for a thing."""
        self.booked: list[str] = []
        """What was booked or rented: one entry for each time that a tool ran."""
        self._timeline = timeline
        self._answered = answered
        self._running: dict[asyncio.Task[None], types.FunctionCall] = {}

    def start(
        self,
        calls: Sequence[types.FunctionCall],
        *,
        connection: int,
        session: Any,
        group: asyncio.TaskGroup,
    ) -> None:
        """Run the tools for calls of the model.

        Args:
            calls: The calls of one message.
            connection: The number of the connection that they came on.
            session: What their results are sent to.
            group: What the runs belong to.
        """
        asked = [_what(call) for call in calls]
        shown = [told(call.name, what) for call, what in zip(calls, asked, strict=True)]
        self._timeline.called(shown, again=any(what in self.called for what in asked))
        self.called += asked
        self.shown_on.update(dict.fromkeys(asked, connection))
        for call in calls:
            run = group.create_task(self._run(call, session))
            self._running[run] = call
            run.add_done_callback(self._running.pop)

    def cancel(self, keys: Sequence[str]) -> None:
        """Drop calls whose results nobody waits for any more.

        Args:
            keys: Their ids.
        """
        for run, call in self._running.items():
            if call.id in keys:
                run.cancel()
                self._timeline.tool(f"Cancelled: the {_what(call)} is not {_done(call)} yet.")

    async def _run(self, call: types.FunctionCall, session: Any) -> None:
        await asyncio.sleep(_TAKES[call.name or BOOK])
        what = _what(call)
        self.booked.append(what)
        number = len(self.booked)
        self._timeline.tool(f"Runs: the {what} is {_done(call)}, number {number}.")
        result = types.FunctionResponse(
            id=call.id, name=call.name, response={WHAT: what, NUMBER: number}
        )
        await session.send_tool_response(function_responses=result)
        self._answered()


def _what(call: types.FunctionCall) -> str:
    return str((call.args or {}).get(WHAT))


def _done(call: types.FunctionCall) -> str:
    return DONE[call.name or BOOK]
