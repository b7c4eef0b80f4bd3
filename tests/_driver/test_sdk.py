"""What is taken from the SDK: frames, configurations, phases."""

from types import SimpleNamespace

import pytest
from google.genai import errors, types
from talk import QUICK, ask, session_on, settled, user
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from reconnect import Lost, Phase, RemoteProtocolError, ResumableSession
from reconnect._driver import sdk as _sdk
from reconnect.testing import Abort, Frame, LiveServer

TOO_DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "data",
    ["no json", b"\xff\xfe", '{"error": {"code": 500}}', "[1]", '{"serverContent": 7}', TOO_DEEP],
    ids=lambda data: data[:30],
)
async def test_unreadable_frame_is_a_loss(data):
    """Session takes a frame that the SDK cannot read for a loss, and resumes."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Frame(data))
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
    lost = next(event for event in events if isinstance(event, Lost))
    assert isinstance(lost.error, RemoteProtocolError)
    assert lost.error.__cause__ is not None


@pytest.mark.parametrize("data", ["no json", TOO_DEEP], ids=["no JSON", "too deep"])
async def test_unreadable_setup_is_a_loss(data):
    """Session takes a setup that is answered with what cannot be read for a loss."""
    async with LiveServer(faults=[Frame(data, during_setup=True)]) as server:
        with pytest.raises(RemoteProtocolError):
            async with session_on(server):
                pass
    assert len(server.connections) == 1


async def test_leaves_the_callers_config_alone():
    """Session dials with a copy of the configuration, which connect() changes."""
    config = types.LiveConnectConfig(response_modalities=["TEXT"], system_instruction="be brief")
    before = config.model_copy(deep=True)
    async with LiveServer() as server, session_on(server, config=config) as session:
        await ask(session, "a")
    assert config == before


async def test_calls_live_for_every_dial():
    """Session calls a callable live for each dial, plain or async, for fresh credentials."""
    calls = []
    async with LiveServer() as server:
        client = server.client()

        def plain():
            calls.append("plain")
            return client.aio.live

        async def coroutine():
            calls.append("async")
            return client.aio.live

        for live in (plain, coroutine):
            async with session_on(server, live=live, policy=QUICK) as session:
                await ask(session, "a")
                await settled()
                server.inject(Abort())
                await ask(session, "b")
    assert calls == ["plain", "plain", "async", "async"]


async def test_callable_that_returns_no_live_is_named():
    """Session raises a TypeError that names what a callable live has returned."""
    with pytest.raises(TypeError, match="live returned None"):
        async with ResumableSession(lambda: None, model="m"):
            pass


@pytest.mark.parametrize(
    ("config", "handle", "seeded", "resumption", "history"),
    [
        ({}, None, False, {"handle": None}, None),
        ({}, "h", False, {"handle": "h"}, None),
        ({"session_resumption": {"transparent": True}}, "h", False, {"transparent": True}, None),
        ({"history_config": {}}, "h", False, {"handle": "h"}, None),
        ({}, None, True, {"handle": None}, True),
    ],
)
def test_config_of_a_dial(config, handle, seeded, resumption, history):
    """A dial always asks for resumption, and announces a history only to a fresh session."""
    dialled = _sdk.config_for(
        _sdk.checked_config(config), handle=handle, seeded=seeded, vertexai=False
    )
    assert dialled.session_resumption.handle == handle
    for name, value in resumption.items():
        assert getattr(dialled.session_resumption, name) == value
    announced = dialled.history_config and dialled.history_config.initial_history_in_client_content
    assert announced is history


def test_handle_of_a_config():
    """The handle that a configuration carries is found."""
    assert _sdk.handle_in(_sdk.checked_config(None)) is None
    config = {"session_resumption": {"handle": "h"}}
    assert _sdk.handle_in(_sdk.checked_config(config)) == "h"


def test_config_of_another_kind_is_named():
    """A configuration that is none raises at once, with its value."""
    with pytest.raises(TypeError, match=r"config must be a dict or .* got 'fast'"):
        _sdk.checked_config("fast")


@pytest.mark.parametrize(
    "history",
    ["a", user("a"), [user("a")], (user("a"),), iter([user("a")])],
    ids=["text", "dict", "list", "tuple", "iterator"],
)
def test_history_comes_in_many_forms(history):
    """A history is a text, a turn, or any number of turns."""
    assert _sdk.checked_turns(history) == [user("a")]


def test_history_of_contents_is_taken_as_it_is():
    """A history of the SDK's contents needs no check."""
    content = types.Content(role="user", parts=[types.Part(text="a")])
    assert _sdk.checked_turns(content) == [content]


@pytest.mark.parametrize(
    ("vertexai", "asked", "transparent"),
    [(True, None, True), (True, False, False), (False, None, False), (False, True, True)],
)
def test_transparent_resumption(vertexai, asked, transparent):
    """A dial asks for transparent resumption on Vertex, unless the caller said otherwise."""
    config = _sdk.checked_config({"session_resumption": {"transparent": asked}})
    dialled = _sdk.config_for(config, handle=None, seeded=False, vertexai=vertexai)
    assert _sdk.is_transparent(dialled) is transparent


@pytest.mark.parametrize(
    ("responses", "vertexai", "keys"),
    [
        ({"id": "1", "name": "f"}, False, ["1"]),
        (types.FunctionResponse(id="1", name="f"), True, ["1"]),
        ([{"name": "f"}, {"id": "2"}], True, ["f", "2"]),
    ],
)
def test_tool_responses_are_known_by_their_ids(responses, vertexai, keys):
    """A tool response is known by the id of its call, or on Vertex by its name."""
    results = _sdk.results_of(responses, vertexai=vertexai)
    assert list(results) == keys
    assert all(isinstance(result, types.FunctionResponse) for result in results.values())


def test_tool_response_without_an_id_is_named():
    """A tool response without the id that it needs raises at once."""
    with pytest.raises(ValueError, match=r"must have the id of its call, got \{'name': 'f'\}"):
        _sdk.results_of({"name": "f"}, vertexai=False)


def test_known_calls_are_left_out():
    """A message keeps the calls that must be run and whatever else it says."""
    calls = [types.FunctionCall(id=id_, name="f") for id_ in "12"]
    message = types.LiveServerMessage(tool_call=types.LiveServerToolCall(function_calls=calls))
    (left,) = _sdk.without_calls(message, ("1",))
    assert [call.id for call in left.tool_call.function_calls] == ["2"]
    assert len(message.tool_call.function_calls) == 2
    assert _sdk.without_calls(message, ("1", "2")) == []
    message.usage_metadata = types.UsageMetadata(total_token_count=1)
    (left,) = _sdk.without_calls(message, ("1", "2"))
    assert left.tool_call is None
    assert left.usage_metadata.total_token_count == 1


@pytest.mark.parametrize(
    "arguments", [{}, {"text": "a", "audio_stream_end": True}, {"audio": {"no": "blob"}}]
)
def test_bad_input_raises(arguments):
    """Realtime input that the SDK would not send raises as it does there."""
    with pytest.raises(ValueError):
        _sdk.check_input(arguments)


def test_phase_of_what_a_dial_raises():
    """A close follows the handshake, and everything else precedes it."""
    assert _sdk.phase_of(errors.APIError(1008, "", None)) is Phase.SETUP
    assert _sdk.phase_of(ConnectionRefusedError()) is Phase.CONNECT
    assert _sdk.phase_of(TimeoutError()) is Phase.CONNECT


def test_error_of_the_callers_is_no_frame():
    """A bad argument to connect() stays what it is; in a session, only frames raise so."""
    bug = ValueError("bad argument")
    assert _sdk.readable(bug, checked=False) is bug
    assert isinstance(_sdk.readable(bug, checked=True), RemoteProtocolError)
    other = RuntimeError()
    assert _sdk.readable(other, checked=True) is other


def test_recursion_of_the_callers_is_no_frame():
    """A caller's function that calls itself for ever stays what it is, on the first connection."""
    bug = RecursionError()
    assert _sdk.readable(bug, connecting=True) is bug


def test_hasty_close_of_websockets_is_a_loss():
    """What websockets 13 raises when it asks too early how it was closed is a lost connection."""
    protocol = ClientProtocol(parse_uri("ws://127.0.0.1/"))
    with pytest.raises(AssertionError) as raised:
        protocol.close_exc  # noqa: B018
    found = _sdk.readable(raised.value, checked=True)
    assert isinstance(found, ConnectionAbortedError)
    assert found.__cause__ is raised.value
    own = AssertionError()
    assert _sdk.readable(own, checked=True) is own


def test_messages_to_the_caller():
    """The session's own messages look as the server's do."""
    assert _sdk.interruption().server_content.interrupted
    assert _sdk.cancellation(("1", "2")).tool_call_cancellation.ids == ["1", "2"]


async def test_live_is_found_and_checked():
    """What can be dialled with has a connect(), or returns what has."""
    live = SimpleNamespace(connect=None)
    assert await _sdk.find_live(live) is live
    assert await _sdk.find_live(lambda: live) is live
    with pytest.raises(TypeError, match="live must be"):
        _sdk.check_live(7)


@pytest.mark.parametrize(
    "data", ['{"error": {"code": 503}}', '{"code": 503}', "[1]", '{"setupComplete": 5}', b"\xff"]
)
async def test_wrong_first_frame_on_a_redial_is_a_loss(data):
    """Session takes anything but a setupComplete for a setup that failed, and dials again."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(Frame(data, during_setup=True))
        server.inject(Abort())
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
    phases = [event.phase for event in events if isinstance(event, Lost)]
    assert phases == [Phase.SESSION, Phase.SETUP]
