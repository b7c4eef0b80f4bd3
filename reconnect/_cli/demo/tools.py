"""The tool of the demo: books what the trip needs, and keeps the record of what was booked.

A booking cannot be taken back, so a tool that runs twice has booked somebody twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from google.genai import types

from .timeline import Timeline

__all__ = ["BOOK", "BOOKED", "BOOKING", "NUMBER", "WHAT", "Tools"]

BOOK: Final = "book"
WHAT: Final = "what"
"""The function and its one argument."""

BOOKED: Final = "booked"
NUMBER: Final = "number"
"""What its result tells: what was booked, and under which number."""

BOOKING: Final = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name=BOOK,
            description="Books one thing for the trip. A booking cannot be taken back.",
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
    ]
)

TAKES: Final = 0.4
"""Seconds that a booking takes; one that is cancelled before has booked nothing."""


class Tools:
    """Runs the tool when the model calls it, while the conversation goes on.

    Nothing here knows of lost connections: it does what every program does that uses the API, and
    drops a call that a ``tool_call_cancellation`` names.

    Args:
        timeline: Where everything is shown.
        answered: Called once a result has been sent.
    """

    def __init__(self, timeline: Timeline, answered: Callable[[], None]) -> None:
        self.called: dict[str, str] = {}
        """What the calls ask for that the client was shown, by their ids."""
        self.booked: list[str] = []
        """What was booked: one entry for each time that the tool ran."""
        self._timeline = timeline
        self._answered = answered
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(
        self, calls: Iterable[types.FunctionCall], *, session: Any, group: asyncio.TaskGroup
    ) -> None:
        """Run the tool for calls of the model.

        Args:
            calls: The calls.
            session: What their results are sent to.
            group: What the runs belong to.
        """
        for call in calls:
            key = call.id or ""
            what = str((call.args or {}).get(WHAT))
            self._timeline.called(f"{call.name}({what})", again=what in self.called.values())
            self.called[key] = what
            self._running[key] = group.create_task(self._run(key, what, session))

    def cancel(self, keys: Iterable[str]) -> None:
        """Drop calls whose results nobody waits for any more.

        Args:
            keys: Their ids.
        """
        for key in keys:
            run = self._running.pop(key, None)
            if run is not None:
                run.cancel()
                self._timeline.tool(f"Cancelled: the {self.called[key]} is not booked yet.")

    async def _run(self, key: str, what: str, session: Any) -> None:
        await asyncio.sleep(TAKES)
        del self._running[key]
        self.booked.append(what)
        number = len(self.booked)
        self._timeline.tool(f"Runs: the {what} is booked, number {number}.")
        result = types.FunctionResponse(id=key, name=BOOK, response={BOOKED: what, NUMBER: number})
        await session.send_tool_response(function_responses=result)
        self._answered()
