"""A client in place of the SDK's, and its sessions in place of the SDK's sessions."""

import asyncio
import contextlib
import gc
import inspect
import json

import pytest
from clients import OPTIONS, client_of, connect
from google import genai
from google.genai import types
from google.genai.errors import APIError
from google.genai.live import AsyncLive, AsyncSession
from talk import MODEL, QUICK, SPOKEN, TEXT, ask, asked, handles, one_by_one, reply, settled, user

import reconnect
from reconnect import (
    ReconnectOptions,
    ResumableClient,
    ResumableSession,
    Resumed,
    SessionClosed,
    is_local,
)
from reconnect.testing import Abort, Call, GoAway, LiveServer, Refuse, RejectHandle


def closing_of(closed):
    """Return what notes that it was called, in place of a client's aclose()."""

    async def aclose():
        closed.append(True)

    return aclose


# The client


async def test_session_survives():
    """A session of the client resumes after a loss; it is the SDK's to whoever asks."""
    async with LiveServer() as server, connect(client_of(server)) as session:
        assert isinstance(session, AsyncSession)
        assert isinstance(session, ResumableSession)
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        assert [handle is None for handle in handles(server)] == [True, False]


async def test_the_rest_is_the_sdks():
    """All of the client but its live sessions is the SDK's, and closes as it does."""
    async with LiveServer() as server:
        client = client_of(server)
        assert isinstance(client, genai.Client)
        assert isinstance(client.aio.live, AsyncLive)
        assert not client.aio.live.vertexai
        assert client.aio.live.music is not None
        assert client.aio.models is client.aio.models
        async with connect(client) as session:
            await ask(session, "a")
        await client.aio.aclose()
        client.close()


async def test_existing_client_is_wrapped():
    """A client that exists opens plain sessions still, and stays open when its wrapper is gone."""
    async with LiveServer() as server:
        plain = server.client()
        closed = []
        wrapped = ResumableClient.wrap(plain, OPTIONS)
        assert wrapped.models is plain.models
        async with connect(wrapped) as session, connect(plain) as other:
            assert isinstance(session, ResumableSession)
            assert not isinstance(other, ResumableSession)
            await ask(session, "a")
        api_client = plain._api_client
        closing = api_client.close, api_client.aclose
        api_client.close, api_client.aclose = (lambda: closed.append(True)), closing_of(closed)
        del wrapped, session
        gc.collect()
        # google-genai 2.34 closes in a task.
        await asyncio.sleep(1)
        assert not closed
        api_client.close, api_client.aclose = closing
        async with connect(ResumableClient.wrap(plain)) as session:
            await ask(session, "b")


@pytest.mark.parametrize("client", ["client", None, genai.Client])
def test_no_client_is_wrapped(client):
    """What is no client is refused, and named."""
    with pytest.raises(TypeError, match="client must be a genai"):
        ResumableClient.wrap(client)


@pytest.mark.parametrize(
    "take",
    [
        lambda options: ResumableClient(reconnect=options, api_key="key"),
        lambda options: ResumableClient.wrap(genai.Client(api_key="key"), options),
        reconnect.install,
    ],
    ids=["client", "wrap", "install"],
)
@pytest.mark.parametrize("options", [{"hide": ()}, {}, ReconnectOptions, QUICK], ids=repr)
def test_no_options_are_refused(take, options):
    """What are no options is refused where it is given, and changes nothing."""
    before = AsyncLive.connect
    with pytest.raises(TypeError, match="options must be a ReconnectOptions or None, got"):
        take(options)
    assert AsyncLive.connect is before


async def test_entered_in_one_task_and_left_in_another():
    """A session is opened by one task and closed by another, as frameworks do."""
    async with LiveServer() as server:
        opening = connect(client_of(server))
        session = await asyncio.create_task(opening.__aenter__())
        assert "a" in await ask(session, "a")
        await asyncio.create_task(opening.__aexit__(None, None, None))
        with pytest.raises(SessionClosed):
            await ask(session, "b")


async def test_resumable_session_of_a_resumable_client_is_one():
    """A session that is made of such a client by hand connects as the SDK does, not twice over."""
    async with LiveServer() as server:
        live = client_of(server).aio.live
        async with ResumableSession(live, model=MODEL, config=TEXT, policy=QUICK) as session:
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            await ask(session, "b")
            assert len(server.connections) == 2


async def test_headers_are_those_of_the_beginning():
    """Later connections are made with the headers that the client had when it connected."""
    async with LiveServer() as server:
        client = client_of(server, headers={"x-app": "first"})
        headers = client._api_client._http_options.headers
        async with connect(client) as session:
            await ask(session, "a")
            await settled()
            # websockets refuses a header that is there twice.
            headers["User-Agent"] = headers["user-agent"] = "both"
            server.inject(Abort())
            assert "b" in await ask(session, "b")
        assert headers["x-app"] == "first"


async def test_fatal_key_is_raised_as_the_sdk_raises_it():
    """A key that is refused is raised when the session is entered."""
    async with LiveServer() as server:
        client = ResumableClient.wrap(server.client(api_key="bad-key"))
        with pytest.raises(APIError, match="API key not valid"):
            async with connect(client):
                pass


# What the caller is shown


async def shown(server, client, config, fault, *, turns):
    """Return what a caller is shown of a reply that a fault cuts: the messages of each turn."""
    async with connect(client, config) as session:
        await session.send_client_content(turns=user("a"))
        told = []
        for _ in range(turns):
            told.append([])
            async for message in session.receive():
                content = message.server_content
                if is_local(message):
                    told[-1].append("interrupted" if content.interrupted else "turn_complete")
                elif content and content.turn_complete:
                    told[-1].append("end")
                elif content and content.model_turn and told[-1][-1:] != ["output"]:
                    told[-1].append("output")
                    if fault is not None:
                        server.inject(fault)
                        fault = None
        return told


@pytest.mark.parametrize(
    ("after_cut", "config", "expected"),
    [
        (None, TEXT, [["output", "interrupted", "output", "end"]]),
        (None, SPOKEN, [["output", "interrupted", "turn_complete"], ["output", "end"]]),
        (None, {}, [["output", "interrupted", "turn_complete"], ["output", "end"]]),
        pytest.param(
            None,
            {"generation_config": TEXT},
            [["output", "interrupted", "output", "end"]],
            marks=pytest.mark.filterwarnings(
                "ignore:Setting.*generation_config:DeprecationWarning"
            ),
        ),
        ("same turn", SPOKEN, [["output", "interrupted", "output", "end"]]),
        ("own turn", TEXT, [["output", "interrupted", "turn_complete"], ["output", "end"]]),
    ],
)
async def test_cut_reply(after_cut, config, expected):
    """A reply that was cut goes on in its turn, or has one of its own, by modality or by option."""
    options = ReconnectOptions(policy=QUICK, after_cut=after_cut)
    async with LiveServer(chunk_delay=0.1) as server:
        client = client_of(server, options)
        assert await shown(server, client, config, Abort(), turns=len(expected)) == expected


async def test_reply_is_cut_that_was_being_interrupted():
    """A reply is taken back when its connection dies before the server interrupts it."""
    async with LiveServer(chunk_delay=0.1) as server, connect(client_of(server), SPOKEN) as session:
        await session.send_client_content(turns=user("a"))
        told = []
        async for message in session.receive():
            content = message.server_content
            if content and content.model_turn and not told:
                await session.send_client_content(turns=user("b"))
                server.inject(Abort())
            if is_local(message):
                told.append("interrupted" if content.interrupted else "turn_complete")
            elif content and content.model_turn:
                told.append("output")
        assert told[-2:] == ["interrupted", "turn_complete"]
        await reply(session)
        assert asked(server)[-1] == "b"


@pytest.mark.parametrize(("hide", "seen"), [(("go_away",), 0), ((), 1)])
async def test_go_away_is_hidden(hide, seen):
    """A go_away is shown to nobody by default, and the session moves all the same."""
    events = []
    options = ReconnectOptions(policy=QUICK, hide=hide, on_event=events.append)
    async with LiveServer() as server, connect(client_of(server, options)) as session:
        await ask(session, "a")
        await settled()
        server.inject(GoAway("5s"))
        await session.send_client_content(turns=user("b"))
        told = [message async for message in session.receive()]
        await asyncio.sleep(6)
        assert sum(message.go_away is not None for message in told) == seen
        assert [handle is None for handle in handles(server)] == [True, False]
        assert any(isinstance(event, Resumed) for event in events)


async def test_updates_are_hidden_and_still_count():
    """A handle that the caller is not shown is kept all the same."""
    options = ReconnectOptions(policy=QUICK, hide={"session_resumption_update"})
    async with LiveServer() as server, connect(client_of(server, options)) as session:
        for text in ("a", "b"):
            await session.send_client_content(turns=user(text))
            async for message in session.receive():
                assert message.session_resumption_update is None
            await settled()
        server.inject(Abort())
        await ask(session, "c")
        assert [handle is None for handle in handles(server)] == [True, False]


async def test_continue_with_is_asked_for_by_model():
    """A function of the model's name says how a reply is asked for."""
    names = []

    def wording(model):
        names.append(model)
        return "Please go on."

    options = ReconnectOptions(policy=QUICK, continue_with=wording)
    async with LiveServer() as server, connect(client_of(server, options)):
        pass
    assert names == [MODEL]


# The end


async def test_ends_as_the_sdks_session_does():
    """Code that waits for the SDK's normal end gets it: an APIError with code 1000."""
    async with LiveServer() as server:
        async with connect(client_of(server)) as session:
            await ask(session, "a")
            reading = asyncio.create_task(reply(session))
            await asyncio.sleep(0.1)
            await session.close()
            with pytest.raises(APIError) as caught:
                await reading
            assert caught.value.code == 1000
            assert isinstance(caught.value, SessionClosed)


async def test_receive_is_a_generator():
    """What receive() returns can be closed in the midst of a turn, and the next one goes on."""
    async with LiveServer(chunk_delay=0.1) as server, connect(client_of(server)) as session:
        assert inspect.isasyncgen(session.receive())
        await session.send_client_content(turns=user("a"))
        async with contextlib.aclosing(session.receive()) as messages:
            first = await anext(messages)
        assert (first.text or "") + await reply(session) == 'You said "a". That is turn 1.'


# Past the SDK's methods


def test_every_method_of_the_sdk_is_there():
    """No public method of the SDK's session is inherited that would read or write past this one."""
    theirs = {name for name in vars(AsyncSession) if not name.startswith("_")}
    ours = set(dir(ResumableSession))
    # It is built upon send() and _receive().
    assert theirs - ours <= {"start_stream"}


async def test_json_is_sent_by_the_methods():
    """What a framework writes to the socket is read, and sent and kept as by the methods."""
    call = Call("look", {"at": "it"})
    async with LiveServer(model=one_by_one(call, "seen")) as server:
        async with connect(client_of(server)) as session:
            content = {"turns": [user("a")], "turn_complete": True}
            await session._ws.send(json.dumps({"client_content": content}))
            async for message in session.receive():
                if message.tool_call:
                    [made] = message.tool_call.function_calls
                    blob = types.FunctionResponseBlob(data=b"\xff\x00", mime_type="image/png")
                    part = types.FunctionResponsePart(inline_data=blob)
                    result = types.FunctionResponse(
                        id=made.id, name=made.name, response={"output": "it"}, parts=[part]
                    )
                    answer = types.LiveClientMessage(
                        tool_response=types.LiveClientToolResponse(function_responses=[result])
                    )
                    text = answer.model_dump_json(by_alias=True, exclude_none=True)
                    await session._ws.send(text)
            [given] = [heard.value for heard in server.heard if heard.kind == "tool_response"]
            assert given["parts"] == [{"inline_data": {"data": "_wA=", "mime_type": "image/png"}}]
            with pytest.raises(ValueError, match="not a message that a session can send"):
                await session._ws.send('{"setup": {"model": "m"}}')
            await session._ws.close()
            with pytest.raises(SessionClosed):
                await session.send_client_content(turns=user("b"))


async def test_streams_as_the_sdk_does():
    """The SDK's deprecated start_stream() streams over a resumable session."""

    async def stream():
        for _ in range(3):
            yield bytes(320)
            await asyncio.sleep(0.1)

    async with LiveServer(profile="3.8", vad=True) as server:
        async with connect(client_of(server), SPOKEN) as session:
            with pytest.warns(DeprecationWarning, match="deprecated"):
                async for _ in session.start_stream(stream=stream(), mime_type="audio/pcm"):
                    pass
        assert sum(heard.kind == "audio" for heard in server.heard) == 3


async def test_handle_in_the_configuration_resumes():
    """A framework that opens a session from a handle it was shown carries the conversation on."""
    async with LiveServer() as server:
        client = client_of(server)
        async with connect(client) as session:
            await ask(session, "a")
            await settled()
            handle = session.handle
        config = TEXT | {"session_resumption": {"handle": handle}}
        async with connect(client, config) as session:
            assert "before it" in await ask(session, "b")


async def test_refused_and_rejected():
    """The client's sessions hold an outage and a handle that is rejected, as any session does."""
    async with LiveServer() as server, connect(client_of(server)) as session:
        await ask(session, "a")
        await settled()
        server.plan(Refuse(503), Refuse(503), RejectHandle())
        server.inject(Abort())
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        assert asked(server)[-1] == "b"
