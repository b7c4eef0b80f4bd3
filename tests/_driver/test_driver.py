"""The driver against a real server: it resumes, restarts, moves and gives up."""

import asyncio
import contextlib
import traceback
from dataclasses import replace

import pytest
from google.genai import errors
from talk import (
    QUICK,
    TEXT,
    ask,
    asked,
    handles,
    kinds,
    remembered,
    reply,
    session_on,
    settled,
    user,
)
from websockets.exceptions import ConnectionClosedError

from reconnect import (
    BufferOverflow,
    Closed,
    Connected,
    FailureKind,
    GaveUp,
    GoingAway,
    Limit,
    Lost,
    Phase,
    ReconnectExhausted,
    ReconnectPolicy,
    Restarted,
    Resumed,
    Retrying,
    SessionClosed,
)
from reconnect._driver.driver import CLOSE_TIMEOUT
from reconnect.errors import ResumeUnconfirmed
from reconnect.testing import (
    PROFILES,
    Abort,
    Call,
    Close,
    Frame,
    GoAway,
    LiveServer,
    Refuse,
    RejectHandle,
    Stall,
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


async def test_starts_afresh_when_the_handle_is_rejected():
    """Session that is refused its handle starts afresh, and tells the model all that was said."""
    events = []
    history = [user("told")]
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, history=history, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.reject_handles()
        server.inject(Abort())
        assert 'before it: "told", "a".' in await ask(session, "b")
        assert server.context[:3] == [
            ("user", "told"),
            ("user", "a"),
            ("model", 'You said "a". That is turn 2; before it: "told".'),
        ]
        assert asked(server) == ["a", "b"]
    assert kinds(events)[-4:] == [Lost, Retrying, Restarted, Closed]
    assert events[-4].kind is FailureKind.HANDLE_REJECTED
    assert events[-2].told == 3


@pytest.mark.parametrize("after_setup", [False, True])
async def test_starts_afresh_after_any_refusal_of_the_handle(after_setup):
    """Session gives up a handle that is refused before or right after setupComplete."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.plan(RejectHandle(1008, "BidiGenerateContent session expired", after_setup))
        server.inject(Abort())
        await ask(session, "b")
        assert [handle is None for handle in handles(server)] == [True, False, True]


async def test_starts_afresh_on_vertex():
    """Session seeds a fresh session on Vertex with content that asks for no reply."""
    async with (
        LiveServer() as server,
        session_on(server, vertexai=True, policy=QUICK, history=[user("told")]) as session,
    ):
        assert 'before it: "told".' in await ask(session, "a")
        assert server.heard[0].kind == "context"


async def test_restarts_without_a_handle_when_told_to():
    """Session restarts without a handle when the policy says so, the first dial included."""
    policy = QUICK.replace(without_handle="restart")
    async with LiveServer(faults=[Refuse(503), Refuse(), Close(1011)]) as server:
        async with session_on(server, policy=policy, history=[user("told")]) as session:
            assert 'before it: "told".' in await ask(session, "a")
    assert len(server.connections) == 4


async def test_keeps_the_last_good_handle():
    """Session keeps its handle when an update says that there is none at this point."""
    async with LiveServer(profile="2.5") as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        handle = session.handle
        await session.send_client_content(turns=user("b"))
        async for message in session.receive():
            update = message.session_resumption_update
            if update is not None and not update.resumable:
                assert session.handle == handle
                break
        else:
            pytest.fail("the server sent no such update")


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


async def test_endless_go_aways_make_no_storm():
    """Session waits before it leaves a second connection in a row that announces its end."""
    async with (
        LiveServer(faults=[GoAway("2s", after_sent=1)] + [GoAway("2s")] * 500) as server,
        session_on(server),
    ):
        await asyncio.sleep(60)
        assert len(server.connections) < 12


@pytest.mark.parametrize("silent", [False, True])
async def test_moves_before_the_deadline_while_nobody_reads(silent):
    """Session leaves a connection that is going away in time, though nobody iterates."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        announced = asyncio.get_running_loop().time()
        server.inject(GoAway("20s", silent=silent))
        await asyncio.sleep(30)
        # Half of the way to a second before the deadline.
        moved = announced + 9.5 + silent * CLOSE_TIMEOUT
        assert server.connections[1].opened_at == pytest.approx(moved, abs=1)
        # A silent server acknowledges no close, and the session counts as taken until it does.
        expected = [Connected, GoingAway, Resumed]
        assert [kind for kind in kinds(events) if kind in expected] == expected
        assert silent or len(events) == 3
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'


async def test_does_not_cut_a_reply_while_there_is_time():
    """Session lets the reply under way finish before it moves."""
    async with LiveServer(chunk_delay=1.0, faults=[GoAway("30s", after_sent=3)]) as server:
        async with session_on(server) as session:
            assert await ask(session, "a") == 'You said "a". That is turn 1.'
            await asyncio.sleep(30)
            assert asked(server) == ["a"]
            assert server.connections[0].ended_by == "client"


async def test_long_notice_is_used():
    """Session stays on a connection whose end is announced five minutes ahead until the last."""
    async with LiveServer(faults=[GoAway("300s", after_sent=1)]) as server, session_on(server):
        await asyncio.sleep(299)
        first, second = server.connections
        # Half of the way from a minute before the deadline to a second before it.
        assert second.opened_at - first.opened_at == pytest.approx(240 + 29.5, abs=1)


async def test_sessions_with_the_same_notice_move_one_by_one():
    """Sessions that are given the same notice move where in it each has drawn."""
    draws = (0.0, 0.3, 0.9)
    async with LiveServer() as server, contextlib.AsyncExitStack() as stack:
        for draw in draws:
            server.plan(GoAway("31s", at=5.0))
            session = await stack.enter_async_context(session_on(server, draw=lambda at=draw: at))
            await ask(session, "a")
        await asyncio.sleep(40)
        opened = [connection.opened_at for connection in server.connections]
        stayed = [later - earlier for earlier, later in zip(opened[:3], opened[3:], strict=True)]
        assert stayed == pytest.approx([5 + draw * 30 for draw in draws], abs=1)


async def test_first_quiet_moment_is_used():
    """Session that was busy when it would have moved does so as soon as the reply is safe."""
    async with LiveServer(chunk_delay=1.0, faults=[GoAway("30s", after_sent=3)]) as server:
        async with session_on(server, draw=lambda: 0.0) as session:
            await ask(session, "a")
            over = asyncio.get_running_loop().time()
            await asyncio.sleep(5)
            assert over < server.connections[1].opened_at < over + 1
            assert asked(server) == ["a"]


@pytest.mark.parametrize("time_left", [None, "soon", "-1s"])
async def test_malformed_time_left_is_taken_for_half_a_minute(time_left, caplog):
    """Session warns of a go_away that it cannot read, and moves within half a minute."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        server.inject(GoAway(time_left))
        await asyncio.sleep(30)
        assert len(server.connections) == 2
    warning = f"session {session.name}: go_away has no time_left that can be read ({time_left!r})"
    assert warning in caplog.text


async def test_silence_after_a_go_away_is_a_loss_without_a_handle():
    """Session without a handle takes a connection for lost when the deadline passes in silence."""
    config = TEXT
    fault = [GoAway("5s", silent=True, close_code=None)]
    async with LiveServer(faults=[fault]) as server:
        async with session_on(server, config=config) as session:
            with pytest.raises(TimeoutError, match="deadline of the go_away"):
                await reply(session)


async def test_sends_during_an_outage_are_delivered():
    """Session delivers in order what was sent during an outage, once it is back."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.outage(5)
        await asyncio.sleep(1)
        await asyncio.gather(
            session.send_client_content(turns=user("b"), turn_complete=False),
            session.send_context_update(system_instruction="be brief"),
            session.send_client_content(turns=user("c")),
            session.send_realtime_input(audio={"data": b"\0", "mime_type": "audio/pcm"}),
        )
        assert 'before it: "a", "b".' in await reply(session)
        heard = [entry.kind for entry in server.heard[1:]]
        assert [kind for kind in heard if kind != "audio"] == ["context", "context_update", "turn"]
        assert "audio" in heard


async def test_sends_during_an_outage_raise_what_ends_it():
    """Session that is given up says how many turns are lost, and raises at the next use."""
    policy = ReconnectPolicy(stop=lambda attempts, _elapsed: attempts >= 3)
    events = []
    async with (
        LiveServer() as server,
        session_on(server, policy=policy, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.outage(1000)
        await asyncio.sleep(0.1)
        await session.send_client_content(turns=user("b"))
        await session.send_client_content(turns=user("c"), turn_complete=False)
        with pytest.raises(ReconnectExhausted):
            await reply(session)
        assert events[-1].continuity.lost_turns == 1
        assert not events[-1].continuity.whole
        with pytest.raises(ReconnectExhausted):
            await session.send_client_content(turns=user("d"))
        with pytest.raises(ReconnectExhausted):
            await session.send_realtime_input(audio_stream_end=True)


async def test_bad_argument_raises_at_the_call_in_an_outage():
    """Session raises for a bad argument at once, connected or not."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        for seconds in (0, 60):
            if seconds:
                server.outage(seconds)
                await asyncio.sleep(1)
            async with asyncio.timeout(1):
                with pytest.raises(ValueError, match="Only one argument"):
                    await session.send_realtime_input(text="x", audio_stream_end=True)
                with pytest.raises(ValueError):
                    await session.send_client_content(turns=[{"parts": [{"no": "part"}]}])
                with pytest.raises(ValueError, match="At least one"):
                    await session.send_context_update()
                with pytest.raises(ValueError):
                    await session.send_tool_response(function_responses=[{"bad": 1}])
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'


async def test_audio_never_waits():
    """Driver keeps the newest sound of an outage, and sends it after the typed turns."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        await session.send_realtime_input(activity_start={})
        server.outage(5)
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        for number in range(250):
            frame = {"data": number.to_bytes(2, "big") * 320, "mime_type": "audio/pcm;rate=16000"}
            await session.send_realtime_input(audio=frame)
            for data in (b"old", b"new"):
                await session.send_realtime_input(video={"data": data, "mime_type": "image/png"})
        assert asyncio.get_running_loop().time() - began < 1
        with pytest.raises(ValueError, match="Only one argument"):
            await session.send_realtime_input()
        await session.send_client_content(turns=user("b"), turn_complete=False)
        await session.send_realtime_input(activity_end={})
        await reply(session)
        heard = [entry for entry in server.heard if entry.connection == len(server.connections)]
        kinds_heard = [entry.kind for entry in heard]
        audio = [entry.value[:2] for entry in heard if entry.kind == "audio"]
        assert kinds_heard[:3] == ["context", "activity_start", "audio"]
        assert kinds_heard[-2:] == ["video", "activity_end"]
        assert audio == [number.to_bytes(2, "big") for number in range(100, 250)]


async def test_failed_sound_is_kept():
    """Driver keeps the frame whose write fails, and opens its activity again."""
    async with LiveServer() as server:
        live = BreakableLive(server.client().aio.live)
        async with session_on(server, live=live, policy=QUICK) as session:
            await settled()
            await session.send_realtime_input(activity_start={})
            live.errors = [ConnectionClosedError(None, None), ConnectionClosedError(None, None)]
            await session.send_realtime_input(audio={"data": b"01", "mime_type": "audio/pcm"})
            await asyncio.sleep(5)
            assert len(server.connections) == 3
            assert [heard.kind for heard in server.heard] == [
                "activity_start",
                "activity_start",
                "audio",
            ]


async def test_sender_waits_where_there_is_no_room():
    """Session makes a sender wait while its buffer is full, and sends nothing that was given up."""
    limit = Limit(messages=2, bytes=100, full="wait")
    async with LiveServer() as server, session_on(server, buffer=limit) as session:
        await ask(session, "a")
        await settled()
        server.outage(5)
        await asyncio.sleep(0.1)
        for text in ("b", "c"):
            await session.send_client_content(turns=user(text), turn_complete=False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await session.send_client_content(turns=user("given up"))
        with pytest.raises(
            BufferOverflow, match=r"with 10\d\d bytes exceed the limit of 2 messages and 100"
        ):
            await session.send_client_content(turns=user("x" * 1000))
        waiting = asyncio.create_task(ask(session, "d"))
        await asyncio.sleep(1)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        await asyncio.sleep(10)
        assert [entry.value for entry in server.heard] == ["a", "b", "c"]


async def test_sender_is_told_where_there_is_no_room():
    """Session raises at once where its buffers are full and not to be waited for."""
    options = {
        "buffer": Limit(messages=1, bytes=100, full="raise"),
        "media_buffer": Limit(messages=2, bytes=10_000, full="raise"),
    }
    async with LiveServer() as server, session_on(server, **options) as session:
        await ask(session, "a")
        await settled()
        server.outage(5)
        await asyncio.sleep(0.1)
        await session.send_client_content(turns=user("b"))
        with pytest.raises(BufferOverflow, match=r"2 messages with 1\d bytes"):
            await session.send_client_content(turns=user("c"))
        for _ in range(2):
            await session.send_realtime_input(audio_stream_end=True)
        with pytest.raises(BufferOverflow, match="3 messages"):
            await session.send_realtime_input(audio_stream_end=True)
        assert '"b"' in await reply(session)


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


class BreakableLive:
    """The SDK's live module, whose next writes can be made to fail though the socket is open."""

    def __init__(self, live):
        self.live = live
        self.vertexai = live.vertexai
        self.errors = []
        self.blocked = None

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        async with self.live.connect(model=model, config=config) as session:
            for name in ("send_client_content", "send_realtime_input", "send_tool_response"):
                setattr(session, name, self.breakable(getattr(session, name)))
            yield session

    def breakable(self, send):
        async def breaking(**arguments):
            if self.errors:
                raise self.errors.pop()
            if self.blocked is not None and not self.blocked.is_set():
                await self.blocked.wait()
                if self.errors:
                    raise self.errors.pop()
            await send(**arguments)

        return breaking


async def test_failed_write_is_written_to_the_next_connection():
    """Driver takes a write that fails for a lost connection, and writes it to the next."""
    async with LiveServer() as server:
        live = BreakableLive(server.client().aio.live)
        async with session_on(server, live=live, policy=QUICK) as session:
            await ask(session, "a")
            await settled()
            live.errors.append(ConnectionClosedError(None, None))
            assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
            await settled()
            live.errors.append(ConnectionClosedError(None, None))
            await session.send_realtime_input(audio={"data": b"0", "mime_type": "audio/pcm"})
            await asyncio.sleep(2)
            assert [heard.kind for heard in server.heard] == ["turn", "turn", "audio"]
            assert len(server.connections) == 3


async def test_failed_replay_is_replayed_again():
    """Driver replays on the next connection what it could not on this one, the seed included."""
    async with LiveServer() as server:
        live = BreakableLive(server.client().aio.live)
        options = {"live": live, "policy": QUICK.replace(without_handle="restart")}
        live.errors.append(ConnectionClosedError(None, None))
        async with session_on(server, history=[user("told")], **options) as session:
            assert 'before it: "told".' in await ask(session, "a")
            await session.send_client_content(turns=user("b"))
            live.errors.append(ConnectionClosedError(None, None))
            server.inject(Abort())
            assert '"b"' in await reply(session)
            assert set(asked(server)) == {"a", "b"}


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


async def test_bad_history_of_a_callable_ends_the_session():
    """Driver raises what the SDK says of a history that a callable has returned."""
    async with LiveServer() as server:
        session = session_on(server, history=lambda: [{"parts": [{"no": "part"}]}])
        with pytest.raises(ValueError, match="Could not convert"):
            async with session:
                pass


async def test_bug_in_a_replay_ends_the_session(monkeypatch):
    """Driver ends the session over what a replay should never raise."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        monkeypatch.setattr(session._driver.conversation, "unwritten", lambda: 1 / 0)
        server.inject(Abort())
        await asyncio.sleep(2)
        with pytest.raises(ZeroDivisionError):
            async for _ in session.receive():
                pass


async def test_transparent_resumption_loses_no_frame():
    """Driver writes every frame that a handle does not cover again, once and in order."""
    async with (
        LiveServer() as server,
        session_on(server, vertexai=True, policy=QUICK) as session,
    ):
        for number in range(300):
            frame = {"data": number.to_bytes(2, "big") * 320, "mime_type": "audio/pcm;rate=16000"}
            await session.send_realtime_input(audio=frame)
            await asyncio.sleep(0.02)
            if number in {40, 150, 250}:
                server.inject(Abort())
            if number in {100, 200}:
                await ask(session, "a")
        await asyncio.sleep(2)
        frames = [known.value for known in server.context if isinstance(known.value, bytes)]
        assert [int.from_bytes(frame[:2], "big") for frame in frames] == list(range(300))
        assert session.stats.gaps == 3


async def test_result_does_not_wait_for_the_replay():
    """Driver writes a result to the connection that asks for it while others still wait."""
    replies = [Call("look"), "seen"]
    profile = replace(PROFILES["2.5"], strict_tools=True)
    async with (
        LiveServer(replies, profile=profile) as server,
        session_on(server, policy=QUICK, reuse_tool_results=False) as session,
    ):
        await settled()
        await session.send_client_content(turns=user("look"))
        calls, said = 0, ""
        async for message in session.receive():
            if message.tool_call:
                calls += 1
                if calls == 1:
                    server.outage(1)
                    await asyncio.sleep(0.5)
                    frame = {"data": bytes(640), "mime_type": "audio/pcm"}
                    await session.send_realtime_input(audio=frame)
                    continue
                call = message.tool_call.function_calls[0]
                await session.send_tool_response(
                    function_responses={"id": call.id, "name": "look", "response": {"ok": 1}}
                )
            said += message.text or ""
        assert said == "seen"
        await asyncio.sleep(1)
        assert sorted(heard.kind for heard in server.heard) == [
            "audio",
            "tool_response",
            "turn",
            "turn",
        ]
        assert len(server.connections) == 2


async def test_restart_survives_a_blip():
    """Driver carries a restart through dials that fail, though the handle is gone."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.reject_handles()
        server.plan(None, Refuse(503), Refuse(), Close(1011, during_setup=True), None)
        server.inject(Abort())
        assert 'before it: "a".' in await ask(session, "b")


async def test_repeated_failure_after_a_resume_ends_in_a_fresh_session():
    """Driver drops a handle that fails three times in the same way, and tells a fresh session."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.plan(*[Close(1011, "Internal error occurred.")] * 4)
        server.inject(Abort())
        assert 'before it: "a".' in await ask(session, "b")
        assert [handle is None for handle in handles(server)][1:] == [False] * 3 + [True] * 2


async def test_unconfirmed_resume_ends_in_a_fresh_session():
    """Driver gives up a resumed session that confirms nothing in time, and tells a fresh one."""
    events = []
    options = {"policy": QUICK, "history": [user("told")], "on_event": events.append}
    async with (
        LiveServer(profile="2.5") as server,
        session_on(server, resume_confirm_timeout=5, **options) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await asyncio.sleep(4.9)
        assert kinds(events) == [Connected, Lost, Retrying, Resumed]
        await asyncio.sleep(60)
        rejected, retrying, restarted = events[4:]
        assert [handle is None for handle in handles(server)] == [True, False, True]
        assert (rejected.kind, rejected.phase) == (FailureKind.HANDLE_REJECTED, Phase.SESSION)
        assert isinstance(rejected.error, ResumeUnconfirmed)
        assert rejected.age == pytest.approx(5, abs=0.5)
        assert (retrying.fresh, type(restarted), restarted.told) == (True, Restarted, 3)
        assert 'before it: "told", "a".' in await ask(session, "b")
        assert asked(server) == ["a", "b"]


async def test_turn_of_a_wedged_session_is_asked_again():
    """Driver asks a fresh session what was asked of a resumed one that has fallen silent."""
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, resume_confirm_timeout=5) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(Stall())
        server.inject(Abort())
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        assert [handle is None for handle in handles(server)] == [True, False, True]


async def test_resume_is_confirmed_by_any_update():
    """Driver takes an update that says "not resumable now" for a sign of life like any other."""
    async with (
        LiveServer(profile="2.5") as server,
        session_on(server, policy=QUICK, resume_confirm_timeout=5) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await asyncio.sleep(4)
        server.inject(Frame('{"sessionResumptionUpdate": {"resumable": false}}'))
        await asyncio.sleep(60)
        assert len(server.connections) == 2
        assert '"b"' in await ask(session, "b")


async def test_reply_that_takes_longer_than_the_confirmation():
    """Driver lets a resumed session reply for longer than it may take to confirm the resume."""
    async with (
        LiveServer(profile="2.5", chunk_delay=3) as server,
        session_on(server, policy=QUICK, resume_confirm_timeout=5) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        began = asyncio.get_running_loop().time()
        assert '"b"' in await ask(session, "b")
        assert asyncio.get_running_loop().time() - began > 10
        assert len(server.connections) == 2


async def test_resume_needs_no_confirmation_by_default():
    """Driver stays on a resumed session that is silent, unless it is told how long to wait."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await asyncio.sleep(600)
        assert len(server.connections) == 2


@pytest.mark.parametrize("wrong", [123, [{"parts": [{"no": "part"}]}]])
async def test_bad_first_message_ends_nothing(wrong):
    """Driver raises a bad argument to its sender, however early it comes, and to nobody else."""
    async with LiveServer() as server, session_on(server) as session:
        with pytest.raises(ValueError):
            await session.send_client_content(turns=wrong)
        with pytest.raises(ValueError):
            await session.send_context_update(tools=[{"no": "tool"}])
        assert '"a"' in await ask(session, "a")


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


async def test_history_is_shortened_to_its_limit():
    """Session tells a fresh one no more than history_limit, of the history and what was said."""
    history = [user("x" * 50), user("y" * 10)]
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, history=history, history_limit=60) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(RejectHandle())
        server.inject(Abort())
        await ask(session, "b")
        # The reply to "a" alone was longer than that, and whatever is older goes before it does.
        assert remembered(server) == ["b"]
    async with (
        LiveServer() as server,
        session_on(server, history=history, history_limit=40) as session,
    ):
        await ask(session, "a")
        assert remembered(server) == ["y" * 10, "a"]
