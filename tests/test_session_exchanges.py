"""What lost answers once, through the session: each a small input, and what is right.

Most names are those of ``_conversation/test_lost_replies`` and its neighbours, where the same is
shown of the core alone. Here the emulator behaves as the model was recorded, and its records are
judged.
"""

import asyncio
from dataclasses import replace

import pytest
from talk import (
    FEW,
    MIDST,
    NAMES,
    READY,
    SLOW,
    SPOKEN,
    asked,
    asks_on,
    blob,
    heard_on,
    known,
    listening,
    meteorologist,
    one_by_one,
    replying,
    session_on,
    settled,
    sound,
    until,
    user,
)

from reconnect.testing import PROFILES, Abort, Call, LiveServer, Unspoken


def without_handles(shown):
    """Return what was shown of replies."""
    return [what for what in shown if what != "handle"]


# Vertex: the turn ends at a tool call

NUMBERED = pytest.mark.parametrize("transparent", [True, False])
HANDLE, ANSWER, WHOLE = 6, 8, 13
"""Which of the frames after the question these are: a call, its end and a handle come first."""


def on_vertex(*, transparent):
    """Return a configuration for Vertex, where handles have numbers if it is transparent."""
    return SPOKEN | {"session_resumption": {"transparent": transparent}}


@NUMBERED
@pytest.mark.parametrize("cut", range(2, WHOLE))
async def test_vertex_lost_before_or_inside_the_answer_after_a_tool_call(cut, transparent):
    """The answer that follows a tool round as a turn of its own is asked again, or on."""
    async with (
        LiveServer(meteorologist, profile="2.5-vertex", **SLOW) as server,
        session_on(server, config=on_vertex(transparent=transparent), policy=READY) as session,
        listening(session, weather="rain") as caller,
    ):
        await caller.until("handle")
        server.inject(Abort(after_sent=cut))
        await session.send_client_content(turns=user("q"))
        await caller.told("it rains")
        assert asked(server) == (["q"] if cut >= HANDLE else ["q", "q"])
        assert (("ask_on", None) in heard_on(server, 2)) == (cut >= HANDLE)
        assert known(server) == [("user", "q"), ("model", "it rains")]
        assert len(caller.calls) == 1
        assert caller.shown.count("interrupted") == (cut >= ANSWER)
        assert session.stats.continued == (cut >= HANDLE)
        assert session.stats.maybe_twice == 0


@NUMBERED
async def test_vertex_lost_after_the_answer_and_before_its_handle(transparent):
    """An answer that ended and is not behind a handle is replayed, and nothing waits."""
    clock = asyncio.get_running_loop().time
    async with (
        LiveServer(meteorologist, profile="2.5-vertex", **SLOW) as server,
        session_on(server, config=on_vertex(transparent=transparent), policy=READY) as session,
        listening(session, weather="rain") as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("end", 2)
        server.inject(Abort())
        await until(lambda: heard_on(server, 2))
        began = clock()
        await session.send_client_content(turns=user("next"))
        await session.send_realtime_input(audio=blob(1))
        await caller.told("it rains", 2)
        assert [heard.value for heard in server.heard if heard.kind == "audio"] == [sound(1)]
        # Of the second that it took, the reply took the most.
        assert clock() - began < 1.5
        assert heard_on(server, 2)[:2] == [("context", "it rains"), ("turn", "next")]
        assert asks_on(server, 1) == [("turn", "q")]
        assert asks_on(server, 2) == [("turn", "next")]
        assert "interrupted" not in caller.shown


# A tool that does not block

NON_BLOCKING = SPOKEN | {
    "tools": [{"function_declarations": [{"name": "weather", "behavior": "NON_BLOCKING"}]}]
}


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize(("profile", "handle"), [("2.5", False), ("3.8", True)])
async def test_lost_after_a_result_that_interrupts(profile, handle, ended):
    """A reply that a NON_BLOCKING result interrupted goes on: it is asked again, or on."""
    model = one_by_one(
        [Call("weather"), "one moment please"], *[Call("weather")] * (not handle), "it rains"
    )
    async with (
        LiveServer(model, profile=profile, **SLOW) as server,
        session_on(server, config=NON_BLOCKING, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("whole" if ended else "one ")
        result = {"name": "weather", "id": caller.calls[0].id, "response": {"result": "rain"}}
        await session.send_tool_response(function_responses=result | {"scheduling": "INTERRUPT"})
        await caller.until("end")
        server.inject(Abort())
        await caller.told("it rains")
        assert asked(server) == (["q"] if handle else ["q", "q"])
        assert session.stats.continued == handle
        assert len(caller.calls) == 1
        assert known(server)[-1] == ("model", "it rains")


# The end of a turn


@pytest.mark.parametrize(("profile", "forgotten"), [("3.1", 1), ("3.8", 0)])
async def test_lost_between_generation_complete_and_turn_complete(profile, forgotten):
    """A reply that is generated is whole: it is not taken back, and its turn is ended."""
    async with (
        LiveServer(one_by_one("one", "noon", "two"), profile=profile, **SLOW) as server,
        session_on(server, config=SPOKEN, policy=READY, model=NAMES[profile]) as session,
        listening(session) as caller,
    ):
        await session.send_realtime_input(text="a")
        await caller.told("one")
        await settled()
        await session.send_realtime_input(text="q")
        await caller.until("whole", 2)
        server.inject(Abort())
        await caller.told("noon")
        await settled()
        assert without_handles(caller.shown)[-2:] == ["whole", "end"]
        assert "interrupted" not in caller.shown
        assert session.stats.forgotten == forgotten
        await session.send_realtime_input(text="next")
        await caller.told("two")
        texts = [heard.value for heard in server.heard if heard.kind == "text"]
        assert texts == ["a", "q", "next"]


@pytest.mark.parametrize("profile", ["2.5", "2.5-vertex"])
async def test_lost_after_the_first_transcription(profile):
    """Words of a reply were shown, though no audio was: they are taken back."""
    async with (
        LiveServer(one_by_one("at noon", "at noon"), profile=profile, **SLOW) as server,
        session_on(server, config=SPOKEN, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.until("at ")
        server.inject(Abort())
        await caller.told("at noon")
        assert caller.shown[:4] == ["handle", "at ", "interrupted", "at "]
        assert caller.replies == ["at noon"]
        assert asked(server) == ["q", "q"]


async def test_reply_of_transcription_alone_before_a_new_session():
    """The words of a reply without audio are its own, and not those of the next."""
    model = one_by_one(Unspoken("noon"), "one", "two")
    async with (
        LiveServer(model, profile="3.1", **SLOW) as server,
        session_on(server, config=SPOKEN, policy=READY, model=NAMES["3.1"]) as session,
        listening(session) as caller,
    ):
        for text, reply in (("q1", "noon"), ("q2", "one")):
            await session.send_realtime_input(text=text)
            await caller.told(reply)
        server.reject_handles()
        server.inject(Abort())
        await settled()
        assert known(server) == [
            ("user", "q1"),
            ("model", "noon"),
            ("user", "q2"),
            ("model", "one"),
        ]


@pytest.mark.parametrize(("profile", "sent"), [("2.5", 2), ("2.5-vertex", 1), ("3.8", 1)])
async def test_lost_after_an_interruption_and_before_its_turns_end(profile, sent):
    """What was interrupted is over, and what interrupted it is asked."""
    model = one_by_one("one two three", "four five six", "four five six")
    async with (
        LiveServer(model, profile=profile, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("a"))
        await caller.until("one ")
        server.inject(Abort(after_sent=sent))
        await session.send_client_content(turns=user("b"))
        await caller.told("four five six")
        interrupted = caller.shown.index("interrupted")
        assert without_handles(caller.shown[interrupted:]) == [
            "interrupted",
            "end",
            *("four ", "five ", "six", "whole", "end"),
        ]
        assert asked(server) == ["a", "b", "b"]
        assert known(server)[-2:] == [("user", "b"), ("model", "four five six")]


async def test_burst_after_a_resume_and_an_interruption():
    """No reply is booked for another turn where two are answered at once and a third interrupts."""
    model = replying({"a": "x y z", "a+b": "both of them", "c": "at long last"})
    async with (
        LiveServer(model, profile=MIDST, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("a"))
        await caller.until("handle", 3)
        server.inject(Abort())
        await until(lambda: asks_on(server, 2))
        await session.send_client_content(turns=user("b"))
        await caller.until("both ")
        assert heard_on(server, 2) == [("ask_on", None), ("turn", "b")]
        await session.send_client_content(turns=user("c"))
        await caller.until("at ")
        server.inject(Abort())
        await caller.told("at long last")
        assert asks_on(server, 2) == [("ask_on", None), ("turn", "b"), ("turn", "c")]
        assert asks_on(server, 3) == [("ask_on", None)]


async def test_interruption_of_two_turns_that_are_answered_at_once():
    """A third turn that interrupts is answered next: none of the two before takes its reply."""
    model = replying({"a": "x", "a+b": "both of them", "c": "y y y"})
    async with (
        LiveServer(model, profile="2.5", **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("a"))
        await session.send_client_content(turns=user("b"))
        await caller.until("both ")
        await session.send_client_content(turns=user("c"))
        await caller.until("end")
        server.inject(Abort())
        await caller.told("y y y")
        assert asks_on(server, 2) == [("turn", "c")]
        assert known(server) == [
            ("user", "a"),
            ("user", "b"),
            ("model", "both "),
            ("user", "c"),
            ("model", "y y y"),
        ]


# One definition of a turn's end


async def test_idle_without_turn_complete():
    """The turn is over where the SDK's ``receive()`` ends."""
    said = {"serverContent": {"modelTurn": {"parts": [{"text": "noon"}]}}}
    idle = {"serverContent": {"interactionStatus": "IDLE"}}
    async with (
        LiveServer(one_by_one([said, idle], "one"), profile="3.8", **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("q"))
        await caller.told("noon")
        server.inject(Abort())
        await settled()
        assert asked(server) == ["q"]
        assert "interrupted" not in caller.shown


# A server that issues one handle


async def test_typed_turns_after_the_only_handle():
    """Turns that are answered give room to the next, and are counted as they go."""
    profile = replace(PROFILES["2.5"], updates=frozenset({"setup"}))
    async with (
        LiveServer(lambda question: "noon", profile=profile) as server,
        session_on(server, policy=READY, buffer=FEW) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        for number in range(1, 13):
            await session.send_client_content(turns=user(f"q{number}"))
            await caller.told("noon", number)
        server.inject(Abort())
        await settled()
        assert session.stats.forgotten == 2
        assert known(server)[:2] == [("user", "q3"), ("model", "noon")]


# The rest


async def test_two_turns_before_the_first_word_and_a_handle():
    """A word of the reply proves the first of two turns; the second is sent again."""
    model = replying({"a": "x", "a+b": "x y z", "a+b+b": "all of it"})
    async with (
        LiveServer(model, profile=MIDST, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("a"))
        await session.send_client_content(turns=user("b"))
        await caller.until("x ")
        await caller.until("handle", 4)
        server.inject(Abort())
        await caller.told("all of it")
        assert heard_on(server, 2) == [("turn", "b")]
        assert session.stats.maybe_twice == 1
        assert session.stats.continued == 0


async def test_two_turns_before_the_first_word_and_two_losses():
    """The reply to both of two turns is asked again where it is cut a second time."""
    model = replying({"a": "x", "a+b": "x y z", "a+b+b": "all of it", "a+b+b+b": "all of it"})
    async with (
        LiveServer(model, profile=MIDST, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("a"))
        await session.send_client_content(turns=user("b"))
        await caller.until("x ")
        await caller.until("handle", 4)
        server.inject(Abort())
        await caller.until("of ")
        server.inject(Abort())
        await caller.told("all of it")
        await settled()
        assert session.stats.lost_turns == 0
        assert caller.replies == ["all of it"]


async def test_two_turns_before_the_first_word_and_an_interruption():
    """The second of two turns interrupted the first, and is asked alone."""
    interrupted = {"serverContent": {"interrupted": True}}
    model = replying({"a": "x", "a+b": ["x", interrupted], "b": "y y y"})
    async with (
        LiveServer(model, profile=MIDST, **SLOW) as server,
        session_on(server, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await session.send_client_content(turns=user("a"))
        await session.send_client_content(turns=user("b"))
        await caller.until("interrupted")
        server.inject(Abort())
        await caller.told("y y y")
        assert asks_on(server, 2) == [("turn", "b")]
