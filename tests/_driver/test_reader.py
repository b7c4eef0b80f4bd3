"""Who reads: the caller, or a listener while it does not."""

import asyncio

import pytest
from google.genai import errors
from talk import QUICK, ask, reply, session_on, settled, user

from reconnect import Limit
from reconnect._driver import reader as _reader
from reconnect.testing import Abort, Close, GoAway, LiveServer, Stall


async def test_moves_while_the_caller_sits_in_its_loop_body():
    """Session leaves in time while the caller's own loop body takes its time."""
    async with LiveServer(faults=[GoAway("5s", after_sent=3)]) as server:
        async with session_on(server) as session:
            await session.send_client_content(turns=user("a"))
            said = ""
            async for message in session.receive():
                said += message.text or ""
                if len(server.connections) == 1:
                    await asyncio.sleep(10)
            assert said == 'You said "a". That is turn 1.'
            assert server.connections[0].ended_by == "client"


async def test_notices_a_drop_while_nobody_reads():
    """Session comes back from a drop though nobody iterates receive()."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await asyncio.sleep(2)
        assert len(server.connections) == 2


async def test_what_was_in_the_buffer_is_delivered_first():
    """Session yields what had arrived before the loss, then the rest, each once and in order."""
    frames = [{"serverContent": {"modelTurn": {"parts": [{"text": str(n)}]}}} for n in range(60)]
    async with (
        LiveServer(
            [[*frames]], profile="2.5", chunk_delay=0, faults=[Close(1011, after_sent=62)]
        ) as server,
        session_on(server, policy=QUICK) as session,
    ):
        await session.send_client_content(turns=user("a"))
        await asyncio.sleep(5)
        seen = []
        async for message in session.receive():
            if message.server_content and message.server_content.interrupted:
                break
            if message.text:
                seen.append(int(message.text))
        assert seen == list(range(60))


@pytest.mark.parametrize("away", [0, 0.5])
async def test_caller_empties_what_it_is_handed(away):
    """A turn ends though its caller has emptied the message that ended it, as LiveKit does."""
    async with LiveServer() as server, session_on(server) as session:
        for text in "ab":
            await session.send_client_content(turns=user(text))
            async with asyncio.timeout(30):
                async for message in session.receive():
                    await asyncio.sleep(away)
                    message.server_content = None


async def test_one_task_iterates_at_a_time():
    """Session refuses a second task that iterates receive() at the same time."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        await anext(session.receive())
        first = asyncio.create_task(anext(session.receive()))
        await asyncio.sleep(1)
        with pytest.raises(RuntimeError, match="another task is already iterating"):
            await anext(session.receive())
        first.cancel()
        await asyncio.wait({first})


async def test_cancelled_reader_loses_nothing():
    """Session yields the next reader what the cancelled one did not get."""
    async with LiveServer(chunk_delay=0.5) as server, session_on(server) as session:
        await session.send_client_content(turns=user("a"))
        said = ""
        while "turn 1." not in said:
            try:
                async with asyncio.timeout(0.3):
                    async for message in session.receive():
                        said += message.text or ""
            except TimeoutError:
                continue
        assert said == 'You said "a". That is turn 1.'


async def test_abandoned_iterator_stays_out_of_the_way():
    """Reader goes on undisturbed while an iterator that was left in mid-turn is closed."""
    async with LiveServer(chunk_delay=1.0) as server, session_on(server) as session:
        await session.send_client_content(turns=user("a"))
        async for message in session.receive():
            if message.text:
                break
        said = message.text
        async for message in session.receive():
            await asyncio.sleep(0)
            said += message.text or ""
        assert said == 'You said "a". That is turn 1.'


async def test_busy_caller_is_left_to_read_for_itself():
    """Reader starts no listener for a caller that is never away for long."""
    async with LiveServer(chunk_delay=0.06) as server, session_on(server) as session:
        await session.send_client_content(turns=user("a"))
        listeners = 0
        messages = session.receive()
        while not (await anext(messages)).text:
            # The one from before the caller came hands over.
            pass
        async for message in messages:
            await asyncio.sleep(0.03)
            if not message.text:
                break
            names = [task.get_name() for task in asyncio.all_tasks()]
            listeners += names.count("reconnect listener")
        assert listeners == 0


async def test_caller_that_was_away_finds_what_came():
    """Reader steps in for a caller that is away, steps back, and keeps the order."""
    frames = [{"serverContent": {"modelTurn": {"parts": [{"text": str(n)}]}}} for n in range(40)]
    end = {"serverContent": {"turnComplete": True}}
    async with (
        LiveServer([[*frames, end]], chunk_delay=0.05) as server,
        session_on(server) as session,
    ):
        await session.send_client_content(turns=user("a"))
        seen = []
        async for message in session.receive():
            if message.text:
                seen.append(int(message.text))
                await asyncio.sleep(0.5 if len(seen) in {5, 20} else 0)
        assert seen == list(range(40))


async def test_reader_waits_through_an_outage():
    """Reader waits while there is no connection, and goes on with the next."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        server.outage(5)
        await asyncio.sleep(0.5)
        reading = asyncio.create_task(reply(session))
        await session.send_client_content(turns=user("b"))
        assert await reading == 'You said "b". That is turn 2; before it: "a".'


async def test_reader_finds_the_loss_itself():
    """Reader goes on with the next connection when the one it waits on is lost."""
    async with (
        LiveServer(profile="2.5", chunk_delay=1.0) as server,
        session_on(server, policy=QUICK) as session,
    ):
        await ask(session, "a")
        await settled()
        asking = asyncio.create_task(ask(session, "b"))
        await asyncio.sleep(2.5)
        server.inject(Abort())
        assert await asking == 'You said "b". That is turn 2; before it: "a".'


@pytest.mark.parametrize("limit", [{"messages": 10}, {"bytes": 20}])
async def test_full_inbox_makes_the_server_wait(limit, monkeypatch):
    """Reader stops to listen at its limits, and yields everything in the end."""
    limit = Limit(full="wait", **{"messages": 1_000_000, "bytes": 1_000_000, **limit})
    monkeypatch.setattr(_reader, "INBOX", limit)
    frames = [{"serverContent": {"modelTurn": {"parts": [{"text": str(n)}]}}} for n in range(100)]
    end = {"serverContent": {"turnComplete": True}}
    async with (
        LiveServer([[*frames, end]], chunk_delay=0) as server,
        session_on(server) as session,
    ):
        await session.send_client_content(turns=user("a"))
        await asyncio.sleep(5)
        seen = []
        async for message in session.receive():
            if message.text:
                seen.append(int(message.text))
                await asyncio.sleep(0.12)
        assert seen == list(range(100))


@pytest.mark.parametrize("listening", [False, True])
async def test_bug_is_raised(listening, monkeypatch):
    """Reader raises what it never should to whoever reads, whether it listened or not."""
    async with LiveServer(chunk_delay=0.2) as server, session_on(server) as session:
        await session.send_client_content(turns=user("a"))
        messages = session.receive()
        while not (await anext(messages)).text:
            # Up to here the listener reads, and hands over after its next message.
            pass
        await anext(messages)
        await anext(messages)
        monkeypatch.setattr(session._driver.reader, "_take", lambda _message: 1 / 0)
        await asyncio.sleep(2 if listening else 0)
        with pytest.raises(ZeroDivisionError):
            await reply(session)


async def test_next_turn_is_read_at_once():
    """Reader goes from one turn to the next without a listener between them."""
    async with LiveServer(handle_delay=0.5) as server, session_on(server) as session:
        for text in "abc":
            assert f'"{text}"' in await ask(session, text)


async def test_reader_is_told_the_end_after_what_was_read():
    """Reader yields what had come before the error that ended the session."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        server.inject(Close(1007, "API key expired. Please renew the API key."))
        await asyncio.sleep(1)
        messages = session.receive()
        assert (await anext(messages)).session_resumption_update.new_handle == session.handle
        with pytest.raises(errors.APIError, match="API key expired"):
            await anext(messages)


async def test_silent_server_does_not_hold_up_the_close():
    """Reader stops listening when the server never acknowledges the close."""
    async with LiveServer() as server, session_on(server) as session:
        await settled()
        server.inject(Stall())
        began = asyncio.get_running_loop().time()
        await session.close()
        assert asyncio.get_running_loop().time() - began < 6
        await asyncio.sleep(10)


async def test_reader_that_waits_long_is_let_alone():
    """Reader starts no listener while the caller waits for a message."""
    async with LiveServer(chunk_delay=1.0) as server, session_on(server) as session:
        assert await ask(session, "a") == 'You said "a". That is turn 1.'
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'


async def test_new_connection_is_read_though_the_old_one_hangs():
    """Reader reads the next connection when the old one never acknowledges its close."""
    async with LiveServer(close_delay=30) as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.inject(GoAway("2s", close_code=None))
        await asyncio.sleep(60)
        server.inject(Abort())
        await asyncio.sleep(5)
        assert server.connections[-1].ended_by is None
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
