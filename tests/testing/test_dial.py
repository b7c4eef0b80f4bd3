"""One dial: its setup, its end and its faults, by the loop's clock."""

import asyncio
import contextlib
import json

import pytest
from google.genai.errors import APIError
from talking import (
    GEMINI_PATH,
    closed,
    dial,
    drain,
    end,
    handle_of,
    kinds,
    raw,
    refusal,
    say,
    send,
    tell,
    until,
)
from websockets.exceptions import InvalidStatus

from reconnect.testing import (
    Abort,
    Close,
    Delay,
    Frame,
    GoAway,
    LiveServer,
    Refuse,
    RejectHandle,
    Silence,
    Stall,
)

NOT_FOUND = (1008, "BidiGenerateContent session not found")


def now() -> float:
    """Read the loop's clock."""
    return asyncio.get_running_loop().time()


async def test_the_emulator_refuses_what_the_server_refuses():
    """A bad key, an unknown handle and a second socket are refused at the setup."""
    async with LiveServer() as server:
        bad = server.client(api_key="bad-key")
        key = (1007, "API key not valid. Please pass a valid API key.")
        assert await refusal(server, client=bad) == key
        assert await refusal(server, "handle-0000") == NOT_FOUND
        async with dial(server) as session:
            handle = await handle_of(session)
            busy = (1011, "Internal error encountered.")
            assert await refusal(server, handle) == busy
        async with dial(server, handle):
            pass


async def test_closing_takes_its_time():
    """A close is acknowledged late, and the session is taken until then."""
    async with LiveServer(close_delay=2) as server:
        async with dial(server) as session:
            handle = await handle_of(session)
            closing = asyncio.create_task(session.close())
            await asyncio.sleep(1)
            assert (await refusal(server, handle))[0] == 1011
            await closing
        before = server.connections[0]
        assert before.closed_at - before.opened_at >= 2
        async with dial(server, handle):
            pass


@pytest.mark.parametrize("pongs", [True, False])
async def test_a_stalled_session_is_free_when_the_client_has_gone(pongs):
    """A stalled server acknowledges no close, and frees the session when the socket is gone."""
    async with LiveServer(faults=[Stall(after_received=1, pongs=pongs)]) as server:
        impatient = server.client(async_client_args={"close_timeout": 3})
        async with dial(server, client=impatient) as session:
            handle = await handle_of(session)
            await send(session, "a")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(drain(session), 30)
            await send(session, "b")
            before = now()
        assert now() - before >= 3
        await asyncio.sleep(1)
        assert [heard.value for heard in server.heard] == ["a"]
        assert (server.connections[0].ended_by, server.connections[0].close_code) == (
            "client",
            1006,
        )
        async with dial(server, handle):
            pass


@pytest.mark.parametrize("reads", [True, False])
async def test_writes_to_a_server_that_does_not_read_fill_up(reads):
    """A stalled server takes in what is written, and answers pings, unless it reads nothing."""
    async with LiveServer(faults=[Stall(reads=reads)]) as server:
        async with raw(server, setup={}, close_timeout=1, ping_interval=None) as websocket:
            pong = await websocket.ping()
            written = 0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while written < 64:
                        await websocket.send(bytes(2**20))
                        written += 1
            assert (written == 64) is reads
            assert pong.done() is reads
            # A close would wait for room in the buffer, and for that websockets has no limit.
            server.inject(Abort())


async def test_a_server_that_does_not_read_frees_its_session():
    """A server that does not read frees its session once, and has ended what it aborts."""
    async with LiveServer() as server:
        impatient = server.client(async_client_args={"close_timeout": 1})
        async with dial(server, client=impatient) as session:
            handle = await handle_of(session)
            server.inject(Stall(reads=False))
            async with dial(server, handle) as newer:
                await say(newer, "a")
            server.inject(Abort())
            async with dial(server, handle):
                assert (await end(session))[0] == 1006
                # The end of the one that gave it up does not free it for a third.
                assert (await refusal(server, handle))[0] == 1011
        assert [record.ended_by for record in server.connections[:2]] == ["server", "client"]


async def test_a_server_that_does_not_read_can_still_close():
    """A close reaches its end after a stall without reading, over all that was not read."""
    async with LiveServer(faults=[[Stall(reads=False), Close(1011, at=3)]]) as server:
        async with raw(server, setup={}) as websocket:
            for _ in range(3):
                await websocket.send(bytes(1000))
            assert (await closed(websocket))[0] == 1011
        await asyncio.sleep(1)
        first = server.connections[0]
        assert first.closed_at is not None
        assert first.received == []


@pytest.mark.parametrize("name", ["Authorization", "x-goog-api-key"])
async def test_two_credentials_are_refused(name):
    """A handshake with two keys is refused, and told why: nothing of the server's breaks."""
    async with LiveServer() as server:
        with pytest.raises(InvalidStatus) as error:
            async with raw(server, additional_headers=[(name, "a b"), (name.lower(), "a c")]):
                pass
        assert error.value.response.status_code == 400
        assert b"twice" in error.value.response.body
        assert [record.status for record in server.connections] == [400]


async def test_handshakes_are_refused():
    """A handshake gets the status that was planned, or 404 for a path nobody knows."""
    async with LiveServer(faults=[Refuse(429)]) as server:
        for status, path in [(429, GEMINI_PATH), (404, "/")]:
            with pytest.raises(InvalidStatus) as error:
                async with raw(server, path):
                    pass
            assert error.value.response.status_code == status
        assert [record.status for record in server.connections] == [429, 404]
        assert [record.ended_by for record in server.connections] == ["server"] * 2


async def test_other_calls_are_refused():
    """A REST call of the SDK's is refused, and told why."""
    async with LiveServer() as server:
        models = server.client().aio.models
        for call in (models.generate_content(model="m", contents="x" * 100_000), models.list()):
            with pytest.raises(APIError, match="an emulator of the Live API alone"):
                await call
        assert [record.status for record in server.connections] == [501, 404]
        assert [record.ended_by for record in server.connections] == ["server"] * 2


async def test_answers_can_be_late():
    """The handshake and the setup take the time that was planned."""
    async with LiveServer(faults=[Delay(3, of="handshake"), Delay(2)]) as server:
        for seconds in (3, 2):
            before = now()
            async with dial(server):
                assert seconds <= now() - before < seconds + 1


async def test_messages_may_come_before_setup_complete():
    """What the client sends before setupComplete is taken in after it, in order."""
    async with LiveServer(faults=[Delay(2)]) as server, raw(server) as websocket:
        await tell(websocket, {"setup": {}})
        for text in ("a", "b"):
            await tell(websocket, {"realtime_input": {"text": text}})
        assert "setupComplete" in json.loads(await websocket.recv())
        await tell(websocket, {"realtime_input": {"text": "c"}})
        await asyncio.sleep(1)
        assert [heard.value for heard in server.heard] == ["a", "b", "c"]
        assert kinds(server)[0] == "setupComplete"


async def test_a_silent_server_never_answers_the_setup():
    """A setup that gets no answer hangs the client."""
    async with LiveServer(faults=[Silence()]) as server:
        impatient = server.client(async_client_args={"close_timeout": 1})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300), dial(server, client=impatient):
                pass
        assert server.connections[0].session is None


async def test_a_setup_can_be_closed_on():
    """A close or a reset can come instead of setupComplete."""
    faults = [Close(1008, "quota", during_setup=True), Abort(during_setup=True)]
    async with LiveServer(faults=faults) as server:
        assert await refusal(server) == (1008, "quota")
        assert (await refusal(server))[0] == 1006


async def test_frames_can_come_before_setup_complete():
    """A frame during the setup comes first, and does not count."""
    faults = [[Frame("{}", during_setup=True), Abort(after_sent=1)]]
    async with LiveServer(faults=faults) as server, dial(server) as session:
        assert await handle_of(session) == "handle-0001"
        assert (await end(session))[0] == 1006
        assert server.connections[0].sent[0] == "{}"


async def test_handles_can_be_rejected():
    """A rejected handle ends the setup, or comes right after it; fresh setups go through."""
    rejections = [RejectHandle(), RejectHandle(1007, "Invalid session handle")]
    late = RejectHandle(1011, "Internal error encountered.", after_setup=True)
    async with LiveServer(faults=[RejectHandle(), *rejections, late]) as server:
        async with dial(server) as session:
            handle = await handle_of(session)
        assert await refusal(server, handle) == NOT_FOUND
        assert await refusal(server, handle) == (1007, "Invalid session handle")
        async with dial(server, handle) as session:
            assert await end(session) == (1011, "Internal error encountered.")
        async with dial(server, handle):
            pass


async def test_a_cut_can_come_before_a_message_is_processed():
    """The model has heard the message or not, as the cut says."""
    faults = [Abort(after_received=2, processed=False), Abort(after_received=2)]
    async with LiveServer(faults=faults) as server:
        for expected in (["a"], ["a", "a", "b"]):
            async with dial(server) as session:
                await send(session, "a", complete=False)
                await send(session, "b", complete=False)
                assert (await end(session))[0] == 1006
            assert [heard.value for heard in server.heard] == expected
        assert [len(record.received) for record in server.connections] == [2, 2]


async def test_faults_follow_the_clock():
    """A timed fault comes so many seconds after setupComplete."""
    async with LiveServer(faults=[Close(1000, "bye", at=600)]) as server, dial(server) as session:
        before = now()
        assert await end(session) == (1000, "bye")
        assert 599 <= now() - before < 601


@pytest.mark.parametrize(
    ("fault", "ending", "seconds"),
    [
        (GoAway("10s"), (1011, "Deadline expired before operation could complete."), 10),
        (GoAway("0.5s", close_code=1000, close_reason="gone"), (1000, "gone"), 0.5),
        (GoAway("3s", close_code=1006, silent=True), (1006, "Abnormal closure."), 3),
    ],
)
async def test_go_away_ends_at_its_time(fault, ending, seconds):
    """A connection that is still open at the announced time ends as told."""
    async with LiveServer(faults=[fault]) as server, dial(server) as session:
        await until(session, "go_away")
        before = now()
        code, reason = await end(session)
        assert code == ending[0]
        assert ending[0] == 1006 or reason == ending[1]
        assert seconds - 0.4 <= now() - before < seconds + 1


@pytest.mark.parametrize("fault", [GoAway(None), GoAway("soon"), GoAway("5s", close_code=None)])
async def test_go_away_may_have_no_end(fault):
    """Without a time or an end the connection goes on."""
    async with LiveServer(faults=[fault]) as server, dial(server) as session:
        message, *_ = await until(session, "go_away") if fault.time_left else [None]
        assert message is None or message.go_away.time_left == fault.time_left
        await asyncio.sleep(600)
        await say(session, "still there")


async def test_a_silent_go_away_stalls():
    """A server that goes silent answers no turn any more."""
    async with LiveServer(faults=[GoAway("50s", silent=True)]) as server, dial(server) as session:
        await until(session, "go_away")
        await send(session, "anyone?")
        assert (await end(session))[0] == 1011
        assert server.heard == []


async def test_malformed_messages_end_the_connection():
    """What is no client message gets a close with 1007."""
    async with LiveServer() as server:
        for frames in (["?"], [{"realtime_input": {}}], [{"setup": {}}, {"setup": {}}]):
            async with raw(server) as websocket:
                for frame in frames:
                    if isinstance(frame, str):
                        await websocket.send(frame)
                    else:
                        await tell(websocket, frame)
                assert (await closed(websocket))[0] == 1007


async def test_a_client_that_vanishes_leaves_a_record():
    """A client that resets its connection during a reply ends it with 1006."""
    async with LiveServer(["one two three"]) as server:
        async with raw(server, setup={}) as websocket:
            await tell(websocket, {"realtime_input": {"text": "hi"}})
            await websocket.recv()
            websocket.transport.abort()
        await asyncio.sleep(1)
        record = server.connections[0]
        assert (record.ended_by, record.close_code) == ("client", 1006)


async def test_a_reply_may_be_raw():
    """Raw messages are sent as they are, and nothing at all is a model that hangs."""
    content = {"modelTurn": {"parts": [{"text": "raw"}]}, "turnComplete": True}
    async with LiveServer([[{"serverContent": content}], []]) as server, dial(server) as session:
        assert await say(session, "a") == "raw"
        assert server.context == [("user", "a"), ("model", "raw")]
        await handle_of(session)
        await send(session, "b")
        await until(session, "session_resumption_update")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session._receive(), 600)


async def test_a_fault_after_the_end_does_nothing():
    """A fault that is due while a close waits for its answer is too late."""
    async with LiveServer(close_delay=2, faults=[Abort(at=1)]) as server:
        async with raw(server, setup={}) as websocket:
            await websocket.close()
            assert websocket.protocol.close_code == 1000
        assert server.connections[0].ended_by == "client"


async def test_a_cut_can_come_in_the_middle_of_an_interruption():
    """A cut after the interruption was told keeps the rest from being sent."""
    async with LiveServer(["one two three", "four"]) as server, dial(server) as session:
        await send(session, "a")
        await until(session, "model_turn")
        server.inject(Abort(after_sent=1))
        await send(session, "b")
        assert (await end(session))[0] == 1006
        assert kinds(server)[-2:] == ["modelTurn", "interrupted"]
        assert server.context == [("user", "a"), ("model", "one "), ("user", "b")]


async def test_injected_faults_act_on_their_moment():
    """An injected fault acts at once, after a time or after so many messages."""
    async with LiveServer() as server, dial(server) as session:
        await handle_of(session)
        server.inject(GoAway("60s"))
        server.inject(GoAway("50s", at=5))
        server.inject(Frame('{"goAway": {"timeLeft": "50s"}}', after_sent=1))
        server.inject(Abort(after_received=1))
        for seconds, time_left in [(0, "60s"), (5, "50s"), (5, "50s")]:
            before = now()
            *_, message = await until(session, "go_away")
            assert message.go_away.time_left == time_left
            assert seconds == 0 or now() - before < 6
        await send(session, "a")
        assert (await end(session))[0] == 1006
        with pytest.raises(RuntimeError):
            server.inject(Abort())


async def test_message_and_close_in_one_go_are_taken() -> None:
    """Server takes a message that comes together with a close frame, and answers only that."""
    async with LiveServer() as server:
        async with server.client().aio.live.connect(model="gemini-live") as session:
            await session.send_client_content(turns={"role": "user", "parts": [{"text": "a"}]})
        assert server.connections[0].ended_by == "client"
    assert [heard.value for heard in server.heard] == ["a"]
