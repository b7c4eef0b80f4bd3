"""The driver against a real server: it resumes, tells what happens, and gives up."""

import asyncio
import traceback

import pytest
from breakable import BreakableLive
from google.genai import errors
from talk import (
    QUICK,
    READY,
    ask,
    asked,
    kinds,
    remembered,
    session_on,
    settled,
    user,
)
from websockets.exceptions import ConnectionClosedError

from reconnect import (
    Closed,
    Connected,
    FailureKind,
    GaveUp,
    GoingAway,
    Lost,
    Phase,
    ReconnectExhausted,
    Resumed,
    Retrying,
    SessionClosed,
)
from reconnect.testing import (
    Abort,
    Call,
    Close,
    GoAway,
    LiveServer,
    Refuse,
)


@pytest.mark.parametrize("profile", ["2.5", "2.5-vertex", "3.8"])
@pytest.mark.parametrize("fault", [Abort(), Close(1011), Close(1000, ""), Close(1008, "aborted")])
async def test_resumes_between_turns(fault, profile):
    """Session resumes after a loss between two turns, and the model remembers."""
    async with (
        LiveServer(profile=profile) as server,
        session_on(server, policy=QUICK) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(fault)
        await asyncio.sleep(5)
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        assert remembered(server) == ["a", "b"]


@pytest.mark.parametrize(("profile", "doubt"), [("2.5", 0), ("2.5-vertex", 0), ("3.8", 1)])
@pytest.mark.parametrize("fault", [Abort, Close])
async def test_carries_on_inside_a_turn(fault, profile, doubt):
    """Session gets the reply that was cut, after telling the player to drop what it has.

    The handle of 3.8 comes between the question and the reply: it may not have the question.
    """
    async with (
        LiveServer(profile=profile) as server,
        session_on(server, policy=QUICK) as session,
    ):
        await ask(session, "a")
        await settled()
        await session.send_client_content(turns=user("b"))
        parts = []
        async for message in session.receive():
            if message.server_content and message.server_content.interrupted:
                parts.append(None)
            if message.text:
                parts.append(message.text)
            if len(parts) == 2 and len(server.connections) == 1:
                server.inject(fault())
        cut = parts.index(None)
        assert cut >= 2
        assert "".join(parts[cut + 1 :]).startswith('You said "b". That is turn ')
        assert remembered(server) == ["a", "b", *["b"] * doubt]
        assert session.stats.maybe_twice == doubt


async def test_asks_to_continue_by_a_text_where_the_model_needs_one():
    """Driver asks a model to continue in words where it ignores turn_complete without turns."""
    async with (
        LiveServer([Call("look"), "It is all there."], profile="3.1") as server,
        session_on(server, policy=QUICK, continue_with="Please go on.") as session,
    ):
        await session.send_client_content(turns=user("a"))
        said = ""
        async for message in session.receive():
            if message.server_content and message.server_content.interrupted:
                said = ""
            for call in (message.tool_call and message.tool_call.function_calls) or ():
                result = {"id": call.id, "name": call.name, "response": {}}
                await session.send_tool_response(function_responses=result)
            said += message.text or ""
            if said and session.stats.gaps == 0:
                # The handle has come after the result.
                server.inject(Abort())
                await asyncio.sleep(1)
        assert said == "It is all there."
        assert asked(server) == ["a"]
        assert [heard.value for heard in server.heard if heard.kind == "text"] == ["Please go on."]
        assert session.stats.continued == 1


async def test_tells_what_happened():
    """Session tells of a loss, of each dial, and of its return, in order and exactly once."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(Refuse(503), None)
        server.inject(Close(1011, "Internal error encountered."))
        await ask(session, "b")
    assert kinds(events) == [Connected, Lost, Retrying, Lost, Retrying, Resumed, Closed]
    assert {(event.model, event.session) for event in events} == {("gemini-live", session.name)}
    _, lost, retrying, refused, again, resumed, _ = events
    assert (lost.kind, lost.phase, lost.error.code) == (
        FailureKind.TRANSIENT,
        Phase.SESSION,
        1011,
    )
    assert (retrying.delay, retrying.attempt, retrying.fresh) == (0.05, 1, False)
    assert refused.phase is Phase.CONNECT
    assert (again.delay, again.attempt) == (0.1, 2)
    assert resumed.continuity.attempts == 2
    assert resumed.continuity.outage == pytest.approx(0.15)


async def test_comes_back_when_the_server_was_away_for_minutes():
    """Session outlasts an outage of four minutes with the default policy."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        server.outage(240)
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'


async def test_accept_then_close_sees_the_delays_grow():
    """Session counts on over connections that prove nothing, and gives up in the end."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(*[Close(1011, "") for _ in range(100)])
        server.inject(Close(1011, ""))
        with pytest.raises(ReconnectExhausted) as raised:
            await ask(session, "b")
    delays = [event.delay for event in events if isinstance(event, Retrying)]
    assert delays[:7] == [0.5, 1, 2, 4, 8, 15, 15]
    assert raised.value.elapsed >= 300
    assert isinstance(events[-1], GaveUp)


async def test_completed_turn_ends_the_outage():
    """Session starts to count anew once a turn was completed on the new connection."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, on_event=events.append) as session,
    ):
        for text in "abc":
            await ask(session, text)
            await settled()
            server.inject(Close(1011))
            await asyncio.sleep(2)
    attempts = [event.attempt for event in events if isinstance(event, Retrying)]
    assert attempts == [1, 1, 1]


@pytest.mark.parametrize("again", [True, False])
async def test_lost_tool_call_is_cancelled_when_the_model_goes_on_without_it(again):
    """Session gives a late result for the same call, made again and hidden; else it cancels it."""
    made = []

    def model(question):
        if any(isinstance(value, dict) for value in question.open):
            return "booked"
        made.append(question)
        return Call("book", {"seats": 2}) if again or len(made) == 1 else "full"

    async with (
        LiveServer(model, profile="2.5") as server,
        session_on(server, policy=QUICK) as session,
    ):
        await settled()
        await session.send_client_content(turns=user("book"))
        calls, cancelled, said = [], [], ""
        async for message in session.receive():
            if message.tool_call_cancellation:
                cancelled += message.tool_call_cancellation.ids
            if message.tool_call:
                calls += [call.id for call in message.tool_call.function_calls]
                server.inject(Abort())
                await asyncio.sleep(3)
                assert not cancelled
                await session.send_tool_response(
                    function_responses={"id": calls[-1], "name": "book", "response": {"ok": True}}
                )
            said += message.text or ""
        assert len(calls) == 1
        assert cancelled == ([] if again else calls)
        assert said == ("booked" if again else "full")
        responses = [heard for heard in server.heard if heard.kind == "tool_response"]
        assert len(responses) == again


async def test_fatal_failure_ends_the_session_at_once():
    """Session raises at once what no dial can mend, however it was reached."""
    async with LiveServer() as server:
        live = server.client(api_key="bad-key").aio.live
        with pytest.raises(errors.APIError, match="API key not valid"):
            async with session_on(server, live=live):
                pass
    assert len(server.connections) == 1


async def test_failing_callback_ends_nothing():
    """Session goes on when on_event raises, and the loop's exception handler hears of it."""
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def fail(event):
        raise ZeroDivisionError

    async with LiveServer() as server, session_on(server, on_event=fail) as session:
        await ask(session, "a")
    assert [type(context["exception"]) for context in reported] == [ZeroDivisionError] * 2


@pytest.mark.parametrize("reuse", [True, False])
@pytest.mark.parametrize("profile", ["2.5", "3.8"])
async def test_result_of_a_lost_call_is_reused(profile, reuse):
    """Driver gives a result that was lost on its way for the next call of the same, if told to."""
    replies = [Call("book", {"seats": 2}), "booked"]
    async with LiveServer(replies, profile=profile) as server:
        live = BreakableLive(server.client().aio.live)
        options = {"live": live, "policy": QUICK, "reuse_tool_results": reuse}
        async with session_on(server, **options) as session:
            await session.send_client_content(turns=user("book"))
            runs, said = 0, ""
            async for message in session.receive():
                if message.tool_call:
                    runs += 1
                    live.errors = [ConnectionClosedError(None, None)] if runs == 1 else []
                    call = message.tool_call.function_calls[0]
                    results = [{"id": call.id, "name": "book", "response": {"run": runs}}]
                    await session.send_tool_response(function_responses=results)
                said += message.text or ""
            assert said == "booked"
            assert runs == (1 if reuse else 2)
            given = [known.value for known in server.context if known.role == "user"]
            assert [value["function_response"]["response"] for value in given[1:]] == [
                {"run": runs}
            ]


async def test_session_that_is_not_open_raises():
    """Driver raises at once when it is used before `async with`."""
    async with LiveServer() as server:
        session = session_on(server)
        for use in (
            session.send_client_content(turns=user("a")),
            session.send_realtime_input(audio_stream_end=True),
            session.send_tool_response(function_responses={"id": "1", "name": "f"}),
        ):
            with pytest.raises(RuntimeError, match="not open"):
                await use
        with pytest.raises(RuntimeError, match="not open"):
            session.receive()


async def test_one_unknown_result_does_not_hold_back_the_other():
    """Driver sends the results that somebody waits for, and leaves the others out."""
    async with LiveServer([Call("look"), "seen"]) as server, session_on(server) as session:
        await session.send_client_content(turns=user("look"))
        said = ""
        async for message in session.receive():
            if message.tool_call:
                (call,) = message.tool_call.function_calls
                await session.send_tool_response(
                    function_responses=[{"id": "none", "name": "f"}, {"id": call.id, "name": "f"}]
                )
            said += message.text or ""
        assert said == "seen"


async def test_error_that_ended_the_session_stays_small():
    """Driver raises the same error again and again, without a traceback that grows."""
    async with LiveServer() as server, session_on(server) as session:
        await session.close()
        depths = []
        for _ in range(50):
            with pytest.raises(SessionClosed) as raised:
                await session.send_realtime_input(audio_stream_end=True)
            depths.append(len(list(traceback.walk_tb(raised.value.__traceback__))))
        assert len(set(depths)) == 1


async def test_events_come_in_order():
    """Driver tells of a connection before it tells what came over it."""
    events = []
    async with LiveServer(faults=[GoAway("300s"), GoAway("300s")]) as server:
        async with session_on(server, policy=QUICK, on_event=events.append) as session:
            assert kinds(events) == [Connected, GoingAway]
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            await ask(session, "b")
    assert kinds(events) == [Connected, GoingAway, Lost, Retrying, Resumed, GoingAway, Closed]


async def test_end_by_its_owner_is_told():
    """The last event of a session that its owner ends says so, once, with what is unanswered."""
    events = []
    async with LiveServer() as server:
        async with session_on(server, on_event=events.append) as session:
            await ask(session, "a")
            await session.send_client_content(turns=user("b"))
            await session.close()
            assert events == [Connected(resumed=False), Closed(unanswered=1)]
        await session.close()
    assert len(events) == 2


async def test_end_in_an_outage_is_told():
    """A session that its owner ends in an outage tells of no return, and of its end."""
    events = []
    async with LiveServer() as server:
        async with session_on(server, policy=QUICK, on_event=events.append) as session:
            await ask(session, "a")
            await settled()
            server.outage(60)
            await settled()
    assert kinds(events)[:3] == [Connected, Lost, Retrying]
    assert kinds(events)[-1] is Closed
    assert kinds(events).count(Closed) == 1


async def test_first_gap_begins_with_its_own_loss():
    """A gap is not charged with what failed before the first connection of all."""
    events = []
    async with LiveServer() as server:
        server.outage(5)
        async with session_on(server, policy=READY, on_event=events.append) as session:
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            await ask(session, "b")
    assert kinds(events)[:3] == [Lost, Retrying, Lost]
    [gap] = [event.continuity for event in events if isinstance(event, Resumed)]
    assert gap.attempts == 1
    assert gap.outage < 1


async def test_gaps_are_told_one_by_one():
    """A gap is told with its own attempts, though the one before is not over for the policy."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        for _ in range(3):
            server.inject(Abort())
            await settled()
    retrying = [event.attempt for event in events if isinstance(event, Retrying)]
    gaps = [event.continuity for event in events if isinstance(event, Resumed)]
    assert retrying == [1, 2, 3]
    assert [gap.attempts for gap in gaps] == [1, 1, 1]
    assert session.stats.attempts == 3
    assert session.stats.outage == sum(gap.outage for gap in gaps)
