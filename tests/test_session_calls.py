"""What tools did twice, or not at all, through the session: each a small input, and what is right.

Most names are those of ``_conversation/test_lost_calls`` and its neighbours, where the same is
shown of the core alone. Here the emulator behaves as the model was recorded, and its records are
judged.
"""

import logging
from dataclasses import replace

import pytest
import websockets.version
from talk import (
    MIDST,
    NAMES,
    READY,
    SLOW,
    SPEECH,
    SPOKEN,
    asked,
    asks_on,
    ends_on,
    heard_on,
    listening,
    meteorologist,
    one_by_one,
    results_on,
    session_on,
    settled,
    speak,
    until,
    user,
)

from reconnect.testing import PROFILES, Abort, Call, LiveServer

OSLO = Call("weather", {"city": "Oslo"})
PARIS = Call("weather", {"city": "Paris"})
HOTEL = Call("book_hotel", {"city": "Paris"})


# A session that waits on a call that nobody saw


@pytest.mark.parametrize("seen", [True, False])
async def test_lost_before_the_call_arrived(seen):
    """An empty end, the first on a resumed connection, is hidden, and the turn asked once more."""
    model = one_by_one(["wait", OSLO] if seen else OSLO, OSLO, "it rains")
    async with (
        LiveServer(model, profile=MIDST, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session, weather="rain") as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("handle", 3 if seen else 2)
        server.inject(Abort())
        await caller.told("it rains")
        assert asks_on(server, 2) == [("ask_on", None) if seen else ("turn", "q"), ("ask_on", None)]
        assert len(caller.calls) == 1
        assert caller.shown.count("end") == 1
        assert session.stats.maybe_twice == (not seen)


async def test_turn_after_a_reply_whose_calls_were_lost():
    """A session that waits on the calls of a reply that is over does not take the next turn."""
    model = one_by_one(["wait", OSLO], "it rains", "it snows")
    # Without a handle after the result.
    profile = replace(PROFILES["3.8"], updates=frozenset({"setup", "resume", "turn"}))
    async with (
        LiveServer(model, profile=profile, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session, weather="rain") as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("a"))
        await caller.told("waitit rains")
        server.inject(Abort())
        await settled()
        await session.send_client_content(turns=user("b"))
        await caller.told("it snows")
        assert heard_on(server, 2)[-1] == ("turn", "b")
        assert ends_on(server, 2) == 2
        assert caller.shown.count("end") == 2


# Lost calls


@pytest.mark.parametrize("first_update", [0.0, 0.013])
async def test_handle_before_the_lost_calls_are_closed(first_update, caplog):
    """A handle of a session that still waits on lost calls changes nothing."""
    caplog.set_level(logging.INFO, logger="reconnect")
    profile = replace(PROFILES["3.8"], first_update=first_update)
    async with (
        LiveServer(meteorologist, profile=profile, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("call")
        server.inject(Abort())
        await until(lambda: asks_on(server, 2))
        await settled()
        await caller.answer((caller.calls[0], "rain"))
        await caller.told("it rains")
        assert heard_on(server, 2)[1] == ("ask_on", None)
        assert results_on(server, 2) == [("weather", "lost"), ("weather", "rain")]
        assert asked(server) == ["q"]
        assert len(caller.calls) == 1
    assert f"session {session.name}: a tool response was not sent" in caplog.text


@pytest.mark.skipif(
    websockets.version.version < "14", reason="websockets 13 loses what is unread at a close"
)
async def test_handle_before_the_lost_calls_are_closed_and_another_loss():
    """A session that is resumed from such a handle waits on the lost calls again."""
    profile = replace(PROFILES["3.8"], first_update=0.0)
    async with (
        LiveServer(
            meteorologist, profile=profile, faults=[None, Abort(after_sent=1)], **SLOW
        ) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("call")
        server.inject(Abort())
        await until(lambda: asks_on(server, 3))
        await settled()
        await caller.answer((caller.calls[0], "rain"))
        await caller.told("it rains")
        assert server.connections[2].handle != server.connections[1].handle
        assert results_on(server, 3) == [("weather", "lost"), ("weather", "rain")]
        assert asked(server) == ["q"]


async def test_refused_handle_behind_the_results():
    """A result that a refused handle covered answers the same call in the new session."""
    model = one_by_one(OSLO, "it rains now", OSLO, "it rains")
    async with (
        LiveServer(model, profile=MIDST, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session, weather="rain") as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("it ")
        await caller.until("handle", 4)
        server.reject_handles()
        server.inject(Abort())
        await caller.told("it rains")
        new = len(server.connections)
        assert server.connections[-1].handle is None
        assert asks_on(server, new) == [("turn", "q")]
        assert results_on(server, new) == [("weather", "rain")]
        assert len(caller.calls) == 1


async def test_handle_behind_the_results():
    """On a resume from a handle that covers a result, the same call is a new one."""
    model = one_by_one(OSLO, "it rains now", OSLO, "it snows")
    async with (
        LiveServer(model, profile=MIDST, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session, weather="rain") as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("it ")
        await caller.until("handle", 4)
        server.inject(Abort())
        await caller.told("it snows")
        assert asks_on(server, 2) == [("ask_on", None)]
        assert results_on(server, 2) == [("weather", "rain")]
        assert len(caller.calls) == 2


@pytest.mark.parametrize("profile", ["2.5", "2.5-vertex"])
async def test_same_call_while_the_tool_still_runs(profile):
    """The result of a tool that runs over a loss serves the same call, which is not shown."""
    async with (
        LiveServer(meteorologist, profile=profile, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("call")
        server.inject(Abort())
        await settled()
        await settled()
        await caller.answer((caller.calls[0], "rain"))
        await caller.told("it rains")
        assert asked(server) == ["q", "q"]
        assert results_on(server, 2) == [("weather", "rain")]
        assert len(caller.calls) == 1
        assert "cancelled" not in caller.shown


async def test_another_call_with_the_same_id_while_the_tool_still_runs():
    """A result on the Gemini API answers the call that it was made for, not one with its id."""
    async with (
        LiveServer(one_by_one(OSLO, HOTEL, "it is booked"), profile="2.5", **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("call")
        server.inject(Abort())
        await caller.until("call", 2)
        weather, hotel = caller.calls
        assert weather.id == hotel.id
        await caller.answer((weather, "rain"))
        await settled()
        assert results_on(server, 2) == []
        await caller.answer((hotel, "booked"))
        await caller.told("it is booked")
        assert results_on(server, 2) == [("book_hotel", "booked")]


@pytest.mark.parametrize("profile", ["2.5", "2.5-vertex"])
async def test_another_call_of_the_same_tool_while_it_still_runs(profile):
    """A result on Vertex answers the oldest call that was shown, not the one that is live."""
    async with (
        LiveServer(one_by_one(OSLO, PARIS, "it snows"), profile=profile, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("call")
        server.inject(Abort())
        await caller.until("call", 2)
        oslo, paris = caller.calls
        await caller.answer((oslo, "rain"))
        await settled()
        assert results_on(server, 2) == []
        await caller.answer((paris, "snow"))
        await caller.told("it snows")
        assert results_on(server, 2) == [("weather", "snow")]


async def test_two_calls_of_one_tool_in_a_message():
    """Both results go out, in order, of calls that have no id."""
    blocking = {"function_declarations": [{"name": "weather", "behavior": "BLOCKING"}]}
    async with (
        LiveServer(one_by_one([OSLO, PARIS], "it snows"), profile="2.5-vertex", **SLOW) as server,
        session_on(server, config=SPOKEN | {"tools": [blocking]}, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("call")
        oslo, paris = caller.calls
        await caller.answer((oslo, "rain"), (paris, "snow"))
        await caller.told("it snows")
        assert results_on(server, 1) == [("weather", "rain"), ("weather", "snow")]


async def test_handle_after_the_result_and_before_output():
    """A call whose result is known is closed with it."""
    async with (
        LiveServer(meteorologist, profile="3.1", **SLOW) as server,
        session_on(server, config=SPOKEN, policy=READY, model=NAMES["3.1"]) as session,
        listening(session, weather="rain") as caller,
    ):
        await session.send_client_content(turns=user("q"))
        await caller.until("handle")
        server.inject(Abort())
        await caller.told("it rains")
        assert results_on(server, 2)[0] == ("weather", "rain")
        assert asks_on(server, 2) == [("text", "q")]
        assert len(caller.calls) == 1


async def test_result_for_a_call_that_nobody_has_heard_of():
    """A tool response that names no call is sent, as the SDK sends it."""
    async with (
        LiveServer(one_by_one("it rains"), profile="2.0-vertex", **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await session.send_tool_response(
            function_responses={"name": "weather", "response": {"result": "rain"}}
        )
        await caller.told("it rains")
        assert results_on(server, 1) == [("weather", "rain")]


# A turn in the midst of a tool round


def forecaster(question):
    """Call for the weather, and reply to all that was said since the last word."""
    if question.open == ["a"]:
        return OSLO
    return "+".join(part if isinstance(part, str) else "result" for part in question.open)


@pytest.mark.parametrize(
    ("profile", "ended"),
    [("2.5", False), ("2.5-vertex", False), ("2.5-vertex", True), ("3.1", False), ("3.8", False)],
)
async def test_turn_right_after_a_result(profile, ended):
    """A turn that is sent before the first word after a result is answered with it, and over."""
    async with (
        LiveServer(forecaster, profile=profile, **SLOW) as server,
        session_on(server, policy=READY, model=NAMES.get(profile, "m")) as session,
        listening(session) as caller,
    ):
        await session.send_realtime_input(text="a")
        await caller.until("end" if ended else "call")
        await caller.answer((caller.calls[0], "rain"))
        await session.send_realtime_input(text="b")
        await caller.told("a+result+b")
        await settled()
        server.inject(Abort())
        await settled()
        await settled()
        assert asks_on(server, 2) == []
        assert caller.replies.count("a+result+b") == 1


@pytest.mark.parametrize("profile", ["2.5", "3.1"])
async def test_result_that_crosses_a_cancellation(profile):
    """A call whose result was on its way when it was cancelled is over with its exchange."""
    async with (
        LiveServer(forecaster, profile=profile, **SLOW) as server,
        session_on(server, policy=READY, model=NAMES.get(profile, "m")) as session,
        listening(session) as caller,
    ):
        await session.send_realtime_input(text="a")
        await caller.until("call")
        await session.send_realtime_input(text="b")
        await caller.answer((caller.calls[0], "rain"))
        await caller.told("a+b")
        await settled()
        server.inject(Abort())
        await settled()
        await settled()
        assert asks_on(server, 2) == []
        assert caller.replies.count("a+b") == 1


@pytest.mark.parametrize("profile", ["2.5", "2.5-vertex", "3.1", "3.8"])
async def test_speech_right_after_a_result(profile):
    """Speech that ends before the first word after a result is answered with it, and over."""
    model = one_by_one(OSLO, "it rains")
    slow = SPEECH | {"chunk_delay": 0.5}
    async with (
        LiveServer(model, profile=profile, **slow) as server,
        session_on(server, config=SPOKEN, policy=READY, model=NAMES.get(profile, "m")) as session,
        listening(session) as caller,
    ):
        await session.send_realtime_input(text="a")
        await caller.until("call")
        await caller.answer((caller.calls[0], "rain"))
        await speak(session, marks=False)
        await caller.told("it rains")
        await settled()
        assert results_on(server, 1) == [("weather", "rain")]
        server.inject(Abort())
        await settled()
        await settled()
        assert asks_on(server, 2) == []
        assert caller.replies.count("it rains") == 1
