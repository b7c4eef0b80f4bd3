"""The tools of the demo."""

import asyncio
from typing import Any

import pytest
from google.genai import types
from paper import Paper, timeline_on

from reconnect._cli.demo.tools import BOOK, RENT, Tools


@pytest.fixture
def paper() -> Paper:
    """Return a console in UTF-8."""
    return Paper()


class Mailbox:
    """A session that takes tool responses."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    async def send_tool_response(self, *, function_responses: Any) -> None:
        """Keep a result."""
        self.results.append(function_responses)


async def test_tool_books_and_answers(paper: Paper) -> None:
    """Each call is run once, and its result names the call."""
    mailbox, answered = Mailbox(), []
    tools = Tools(timeline_on(paper), lambda: answered.append(len(mailbox.results)))
    wanted = {BOOK: "ferry", RENT: "canoe"}
    calls = [
        types.FunctionCall(id=name, name=name, args={"what": what}) for name, what in wanted.items()
    ]
    async with asyncio.TaskGroup() as group:
        tools.start(calls, connection=3, session=mailbox, group=group)
    assert tools.called == tools.booked == ["ferry", "canoe"]
    assert tools.shown_on == {"ferry": 3, "canoe": 3}
    assert mailbox.results == [
        types.FunctionResponse(id=name, name=name, response={"what": what, "number": number})
        for number, (name, what) in enumerate(wanted.items(), 1)
    ]
    assert answered == [1, 2]
    assert paper.happenings == [
        "← model    Calls book(ferry) and rent(canoe).",
        "◆ tool     Runs: the ferry is booked, number 1.",
        "◆ tool     Runs: the canoe is rented, number 2.",
    ]


async def test_cancelled_call_books_nothing(paper: Paper) -> None:
    """A call that is cancelled while the tool is at work is dropped; others go on."""
    mailbox = Mailbox()
    tools = Tools(timeline_on(paper), lambda: None)
    calls = [types.FunctionCall(id=f"{n}", name=BOOK, args={"what": f"boat{n}"}) for n in (1, 2)]
    async with asyncio.TaskGroup() as group:
        tools.start(calls, connection=1, session=mailbox, group=group)
        await asyncio.sleep(0.1)
        tools.cancel(["1", "unheard of"])
    assert tools.booked == ["boat2"]
    assert [result.id for result in mailbox.results] == ["2"]
    assert "Cancelled: the boat1 is not booked yet." in paper.text


async def test_id_that_comes_again_is_another_call(paper: Paper) -> None:
    """Ids are counted anew on each connection: two calls with the same one are two."""
    mailbox = Mailbox()
    tools = Tools(timeline_on(paper), lambda: None)
    async with asyncio.TaskGroup() as group:
        for connection, what in enumerate(("canoe", "sauna"), 1):
            call = types.FunctionCall(id="1", name=BOOK, args={"what": what})
            tools.start([call], connection=connection, session=mailbox, group=group)
    assert tools.booked == ["canoe", "sauna"]
    assert [result.response["what"] for result in mailbox.results] == ["canoe", "sauna"]


async def test_call_without_name_is_answered(paper: Paper) -> None:
    """A call that says nothing of what it wants, and has no id, is run all the same."""
    mailbox = Mailbox()
    tools = Tools(timeline_on(paper), lambda: None)
    async with asyncio.TaskGroup() as group:
        call = types.FunctionCall(name=BOOK)
        tools.start([call], connection=1, session=mailbox, group=group)
    assert len(mailbox.results) == 1
