"""What is taken from the SDK: frames, results, errors, phases."""

from types import SimpleNamespace

import pytest
from google.genai import errors, types
from PIL import Image
from talk import MODEL, QUICK, ask, session_on, settled
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
    ("responses", "named"),
    [
        ({"id": "1", "name": "f"}, [("1", "f")]),
        (types.FunctionResponse(id="1", name="f"), [("1", "f")]),
        ([{"name": "f"}, {"id": "2"}], [(None, "f"), ("2", None)]),
        # Of a call that does not block there may be several.
        (({"id": "1", "name": "f"}, types.FunctionResponse(id="1", name="f")), [("1", "f")] * 2),
        ([{}], [(None, None)]),
        ([], []),
    ],
)
def test_tool_responses(responses, named):
    """Tool responses may be one or several, and dicts or the SDK's type."""
    results = _sdk.results_of(responses)
    assert [(result.id, result.name) for result in results] == named
    assert all(isinstance(result, types.FunctionResponse) for result in results)


def test_tool_responses_are_copies():
    """What the caller changes in a response afterwards does not change what is kept of it."""
    response = {"result": {"seats": [1, 2]}}
    one = types.FunctionResponse(id="1", name="f", response=response)
    given = [one, {"id": "2", "name": "f", "response": response}]
    results = _sdk.results_of(given)
    response["result"]["seats"].append(3)
    one.name, given[1]["name"] = "g", "g"
    for result in results:
        assert (result.name, result.response) == ("f", {"result": {"seats": [1, 2]}})


@pytest.mark.parametrize("responses", [None, "done", [5], {"no": "response"}])
def test_tool_response_that_is_none(responses):
    """What is no tool response raises a ValueError; what the SDK says of it is for the driver."""
    with pytest.raises(ValueError):
        _sdk.results_of(responses)


def test_known_calls_are_left_out():
    """A message keeps the calls that must be run and whatever else it says."""
    calls = [types.FunctionCall(id=id_, name="f") for id_ in "12"]
    message = types.LiveServerMessage(tool_call=types.LiveServerToolCall(function_calls=calls))
    (left,) = _sdk.without_calls(message, (0,))
    assert [call.id for call in left.tool_call.function_calls] == ["2"]
    assert len(message.tool_call.function_calls) == 2
    assert _sdk.without_calls(message, (0, 1)) == []
    message.usage_metadata = types.UsageMetadata(total_token_count=1)
    (left,) = _sdk.without_calls(message, (0, 1))
    assert left.tool_call is None
    assert left.usage_metadata.total_token_count == 1


def test_phase_of_what_a_dial_raises():
    """A close follows the handshake, and everything else precedes it."""
    assert _sdk.phase_of(errors.APIError(1008, "", None)) is Phase.SETUP
    assert _sdk.phase_of(ConnectionRefusedError()) is Phase.CONNECT
    assert _sdk.phase_of(TimeoutError()) is Phase.CONNECT


UNREADABLE = [
    TypeError("no"),
    ValueError("no"),
    AttributeError("no"),
    KeyError("no"),
    IndexError("no"),
    RecursionError("no"),
]


@pytest.mark.parametrize("error", UNREADABLE, ids=lambda error: type(error).__name__)
def test_error_over_a_frame(error):
    """In a session all that the SDK stumbles over is a frame that it cannot read."""
    found = _sdk.readable(error)
    assert isinstance(found, RemoteProtocolError)
    assert type(error).__name__ in str(found)
    assert found.__cause__ is error


@pytest.mark.parametrize("error", UNREADABLE, ids=lambda error: type(error).__name__)
def test_error_of_the_callers_is_no_frame(error):
    """A bad argument to connect() stays what it is."""
    assert _sdk.readable(error, connecting=True) is error


@pytest.mark.parametrize("connecting", [False, True])
def test_other_error_stays_what_it_is(connecting):
    """What is no error over a frame is left as it is."""
    for error in (RuntimeError(), OSError(), errors.APIError(1011, "", None)):
        assert _sdk.readable(error, connecting=connecting) is error


@pytest.mark.parametrize("vertexai", [False, True])
@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        b"\xff\xfe",
        "[1]",
        "5",
        '{"error": {"code": 500}}',
        '{"serverContent": 7}',
        '{"serverContent": {"modelTurn": 7}}',
        '{"toolCall": {"functionCalls": 7}}',
        "[" * 100_000,
    ],
    ids=lambda frame: repr(frame[:20]),
)
async def test_frame_that_connect_cannot_read(frame, vertexai):
    """A frame that the SDK cannot read is known as one during connect() too, by who stumbles."""
    async with LiveServer(faults=[Frame(frame, during_setup=True)]) as server:
        live = server.client(vertexai=vertexai).aio.live
        with pytest.raises(Exception) as caught:
            async with live.connect(model=MODEL, config={}) as session:
                _sdk.check_setup(live, session)
    assert isinstance(_sdk.readable(caught.value, connecting=True), RemoteProtocolError)


@pytest.mark.parametrize("config", [5, {"response_modalities": 5}, {"tools": [5]}])
async def test_argument_that_connect_refuses(config):
    """A bad argument is none of the server's: connect() raises it before it dials."""
    async with LiveServer() as server:
        with pytest.raises(Exception) as caught:
            async with server.client().aio.live.connect(model=MODEL, config=config):
                pass
    assert _sdk.readable(caught.value, connecting=True) is caught.value
    assert not server.connections


@pytest.mark.parametrize("connecting", [False, True])
def test_hasty_close_of_websockets_is_a_loss(connecting):
    """What websockets 13 raises when it asks too early how it was closed is a lost connection."""
    protocol = ClientProtocol(parse_uri("ws://127.0.0.1/"))
    with pytest.raises(AssertionError) as raised:
        protocol.close_exc  # noqa: B018
    found = _sdk.readable(raised.value, connecting=connecting)
    assert isinstance(found, ConnectionAbortedError)
    assert found.__cause__ is raised.value
    own = AssertionError()
    assert _sdk.readable(own, connecting=connecting) is own


def test_fields_are_left_out():
    """A message without hidden fields is shown as it is, the rest of it else, or not at all."""
    hidden = frozenset({"go_away"})
    plain = types.LiveServerMessage(usage_metadata={})
    away = types.LiveServerMessage(go_away={"time_left": "5s"})
    both = types.LiveServerMessage(go_away={"time_left": "5s"}, usage_metadata={})
    [same, rest] = _sdk.without([plain, away, both], hidden)
    assert same is plain
    assert rest.go_away is None
    assert rest.usage_metadata == plain.usage_metadata


async def test_live_is_found_and_checked():
    """What can be dialled with has a connect(), or returns what has."""
    live = SimpleNamespace(connect=None)
    assert await _sdk.find_live(live) is live
    assert await _sdk.find_live(lambda: live) is live


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


BLOB = types.Blob(data=b"1", mime_type="image/png")


@pytest.mark.parametrize(
    ("given", "to_be_read"),
    [
        ({"video": Image.new("RGB", (1, 1))}, True),
        ({"media": Image.new("RGB", (1, 1))}, True),
        ({"video": 5}, True),
        ({"video": BLOB}, False),
        ({"media": BLOB}, False),
        ({"video": {"data": b"1"}}, False),
        ({"text": "a"}, False),
        ({"audio": BLOB}, False),
        ({"audio": {"data": b"1"}}, False),
        ({"audio": 5}, True),
    ],
)
def test_what_is_to_be_read(given, to_be_read):
    """Media that is no blob, such as an image, has to be read before it can be kept."""
    arguments = dict.fromkeys(("media", "audio", "video", "text")) | given
    assert _sdk.is_to_be_read(arguments) is to_be_read
