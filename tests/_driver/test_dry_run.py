"""A session that writes nowhere: what the SDK takes, refuses, and makes of its old ``send()``."""

import base64
import functools
import io
import json
import re
import warnings

import pytest
from google import genai
from google.genai import types
from google.genai.live import AsyncSession
from PIL import Image
from tools import Uncopyable, tool

from reconnect._conversation.copies import copy_of
from reconnect._conversation.exchanges import ANSWER, CONTENT, REALTIME, UPDATE, Call
from reconnect._driver.dry_run import DryRun, calls_of

on_both_backends = pytest.mark.parametrize("vertexai", [False, True], ids=["Gemini", "Vertex"])


def for_each(both, one, *, vertexai):
    """Run a test for each kind of both backends, and for each of one backend."""
    cases = [(kind, backend) for kind in both for backend in (False, True)]
    return pytest.mark.parametrize(("kind", "vertexai"), cases + [(kind, vertexai) for kind in one])


BYTES = b"\xfb\xff1"
"""What looks different in the two alphabets of base64."""

PCM = "audio/pcm"
AUDIO = types.Blob(data=BYTES, mime_type=PCM)
JPEG = types.Blob(data=BYTES, mime_type="image/jpeg")
HELLO = types.Content(role="user", parts=[types.Part(text="hello")])
SEEN = types.Content(role="user", parts=[types.Part(inline_data=JPEG), types.Part(text="see?")])
RESULT = types.FunctionResponse(id="1", name="f", response={"a_b": [1, {"c_d": None}]})
NAMELESS = types.FunctionResponse(name="f", response={"a": 1})


class Recorder:
    """A WebSocket that keeps what it is sent."""

    def __init__(self):
        self.messages = []

    async def send(self, message):
        self.messages.append(json.loads(message))


@functools.cache
def client_of(*, vertexai):
    """Return a client, of which there is one for each backend: to make one takes 40 ms."""
    return genai.Client(vertexai=vertexai, api_key="none")


def session_of(*, vertexai):
    """Return a session of the SDK's as its client makes it, and what it writes."""
    recorder = Recorder()
    api_client = client_of(vertexai=vertexai)._api_client
    session = AsyncSession(api_client=api_client, websocket=recorder)
    return session, recorder.messages


async def sent(given, *, end_of_turn, vertexai):
    """Return what the SDK's deprecated send() writes."""
    session, messages = session_of(vertexai=vertexai)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        await session.send(input=given, end_of_turn=end_of_turn)
    return messages


async def translated(given, *, end_of_turn, vertexai):
    """Return what the calls write that it is translated into."""
    session, messages = session_of(vertexai=vertexai)
    dry_run = DryRun(vertexai=vertexai)
    for call in await dry_run.translate(given, end_of_turn=end_of_turn):
        await getattr(session, call.method)(**call.arguments)
    return messages


def contents(messages):
    """Return what messages say, in one list: the same for either spelling.

    The methods spell fields in camel case, the deprecated one as in Python. What is false or empty
    may be left out, bytes have two alphabets, and each chunk of media has a message of its own.
    """
    found = []
    for message in messages:
        [(kind, said)] = _read(message).items()
        if kind == "realtime_input":
            found += said.get("media_chunks", [])
        elif kind == "tool_response":
            found += said.get("function_responses", [])
        else:
            found.append({"turns": said.get("turns", []), "ends": bool(said.get("turn_complete"))})
    return found


def _read(value, name=""):
    if isinstance(value, dict):
        # What is inside a result is the caller's.
        names = str if name == "response" else _snake_case
        parts = {names(key): part for key, part in value.items()}
        return {key: _read(part, key) for key, part in parts.items() if part is not None}
    if isinstance(value, list):
        return [_read(part) for part in value]
    return base64.b64decode(value, altchars="-_") if name == "data" else value


def _snake_case(name):
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


# The deprecated send()

PICTURE = Image.new("RGB", (1, 1))
TURN = {"role": "user", "parts": [{"text": "hello"}]}
CHUNK = {"data": base64.b64encode(BYTES).decode(), "mime_type": PCM}

TAKEN = {
    # The end of a turn.
    "nothing": (None, [CONTENT]),
    "empty text": ("", [CONTENT]),
    "empty list": ([], [CONTENT]),
    # Texts and parts.
    "text": ("hello", [CONTENT]),
    "texts": (["hello", "you"], [CONTENT]),
    "tuple of texts": (("hello", "you"), [CONTENT]),
    "text and part": (["hello", types.Part(inline_data=JPEG)], [CONTENT]),
    "text and picture": (["hello", PICTURE], [CONTENT]),
    "text and file": (["hello", types.File(uri="gs://a", mime_type="image/png")], [CONTENT]),
    # Contents.
    "content": (types.LiveClientContent(turns=[HELLO, SEEN], turn_complete=True), [CONTENT]),
    "content that goes on": (types.LiveClientContent(turns=[HELLO]), [CONTENT]),
    "content that only ends": (types.LiveClientContent(turn_complete=True), [CONTENT]),
    "empty content": (types.LiveClientContent(turns=[]), [CONTENT]),
    "turns": ({"turns": [TURN, TURN], "turn_complete": True}, [CONTENT]),
    "turns that go on": ({"turns": [TURN]}, [CONTENT]),
    "turns of bytes": ({"turns": [{"parts": [{"inlineData": CHUNK}]}]}, [CONTENT]),
    "turn without parts": ({"turns": [{"role": "user"}]}, [CONTENT]),
    "no turns": ({"turns": None, "turn_complete": True}, [CONTENT]),
    "turns by their old name": ({"content": [TURN], "turn_complete": True}, [CONTENT]),
    # Media.
    "blob": (AUDIO, [REALTIME]),
    "picture": (JPEG, [REALTIME]),
    "blob without a type": (types.Blob(data=BYTES), [REALTIME]),
    "blobs": ([AUDIO, JPEG], [REALTIME] * 2),
    "data": ({"data": BYTES, "mime_type": PCM}, [REALTIME]),
    "data in base64": (CHUNK, [REALTIME]),
    "data by the names of JSON": ({"data": BYTES, "mimeType": PCM}, [REALTIME]),
    "list of data": ([CHUNK, CHUNK], [REALTIME] * 2),
    "realtime input": (types.LiveClientRealtimeInput(media_chunks=[AUDIO, JPEG]), [REALTIME] * 2),
    "media chunks": ({"media_chunks": [AUDIO, {"data": BYTES}]}, [REALTIME] * 2),
    "no media chunks": ({"media_chunks": []}, []),
    # The SDK drops whatever else there is in it.
    "other realtime input": (types.LiveClientRealtimeInput(activity_start={}), []),
    # Results.
    "result": (RESULT, [ANSWER]),
    "result as a dict": ({"id": "1", "name": "f", "response": {"a_b": BYTES}}, [ANSWER]),
    "results as dicts": ([{"id": i, "name": "f", "response": {"a": i}} for i in "12"], [ANSWER]),
    "tool response": (types.LiveClientToolResponse(function_responses=[RESULT] * 2), [ANSWER]),
    "function responses": ({"function_responses": [{"id": "1", "name": "f"}]}, [ANSWER]),
}

TAKEN_ON_VERTEX = {
    "nameless result": (NAMELESS, [ANSWER]),
    "nameless result as a dict": ({"name": "f", "response": {}}, [ANSWER]),
    "nameless results as dicts": ([{"name": "f", "response": {}}] * 2, [ANSWER]),
    "nameless response": (types.LiveClientToolResponse(function_responses=[NAMELESS]), [ANSWER]),
    "empty tool response": (types.LiveClientToolResponse(function_responses=[]), []),
}


@for_each(TAKEN, TAKEN_ON_VERTEX, vertexai=True)
@pytest.mark.parametrize("end_of_turn", [False, True])
async def test_translation_says_the_same(kind, end_of_turn, vertexai):
    """What the deprecated send() takes is said by calls of other methods, and means the same."""
    given, methods = (TAKEN | TAKEN_ON_VERTEX)[kind]
    calls = await DryRun(vertexai=vertexai).translate(given, end_of_turn=end_of_turn)
    assert [call.method for call in calls] == methods
    options = {"end_of_turn": end_of_turn, "vertexai": vertexai}
    expected = contents(await sent(given, **options))
    assert contents(await translated(given, **options)) == expected
    assert bool(expected) is bool(methods)


@on_both_backends
@pytest.mark.parametrize("name", ["turns", "content"])
async def test_single_turn_is_a_list_of_one(name, vertexai):
    """A turn that is no list is none of the SDK's business, and one turn for the server."""
    options = {"end_of_turn": False, "vertexai": vertexai}
    [message] = await sent({name: TURN}, **options)
    assert message["client_content"]["turns"] == TURN
    assert contents(await translated({name: TURN}, **options)) == [{"turns": [TURN], "ends": False}]


REFUSED = {
    "number": 5,
    "bytes": BYTES,
    "part": types.Part(text="hello"),
    "list of contents": [HELLO],
    "list of results": [RESULT],
    "other dict": {"text": "hello"},
    "content as an object": {"turns": [HELLO]},
    "data that is none": {"data": None},
    "data with more": {"data": BYTES, "name": "f"},
    "bytes in a list": [{"data": BYTES, "mime_type": PCM}],
    "bad media chunks": {"media_chunks": 5},
    "empty realtime input": types.LiveClientRealtimeInput(media_chunks=[]),
    "bad result": {"id": 1, "name": "f", "response": {}},
    "result that cannot be written": {"id": "1", "name": "f", "response": {"a": object()}},
    "bad function responses": {"function_responses": 5},
    "no function responses": {"function_responses": None},
    "setup": types.LiveClientSetup(),
}

REFUSED_ON_GEMINI = {kind: given for kind, (given, _) in TAKEN_ON_VERTEX.items()}


@for_each(REFUSED, REFUSED_ON_GEMINI, vertexai=False)
async def test_translation_refuses_the_same(kind, vertexai):
    """What the deprecated send() refuses raises what it raises there."""
    given = (REFUSED | REFUSED_ON_GEMINI)[kind]
    with pytest.raises(Exception) as expected:
        await sent(given, end_of_turn=True, vertexai=vertexai)
    with pytest.raises(type(expected.value)) as caught:
        await DryRun(vertexai=vertexai).translate(given, end_of_turn=True)
    assert str(caught.value) == str(expected.value)


@on_both_backends
async def test_translation_warns_of_nothing(vertexai):
    """The SDK's warning is for whoever calls send(), who is given one already."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await DryRun(vertexai=vertexai).translate("hello", end_of_turn=True)


# What is written past the methods

WRITTEN = {
    "turns": {"client_content": {"turns": [TURN], "turn_complete": True}},
    "turn": {"client_content": {"turns": TURN, "turn_complete": True}},
    "turns in JSON's names": {"clientContent": {"turns": [TURN], "turnComplete": True}},
    "turn in JSON's names": {"clientContent": {"turns": TURN, "turnComplete": True}},
    "turn beside nothing": {
        "setup": None,
        "client_content": {"turns": [TURN], "turn_complete": True},
        "tool_response": None,
    },
    "results": {"tool_response": {"function_responses": [{"id": "1", "name": "f"}]}},
    "result": {"tool_response": {"function_responses": {"id": "1", "name": "f"}}},
    "results in JSON's names": {"toolResponse": {"functionResponses": [{"id": "1", "name": "f"}]}},
    "result in JSON's names": {"toolResponse": {"functionResponses": {"id": "1", "name": "f"}}},
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_message_is_read_in_either_spelling(kind):
    """A client message is one call, in either spelling, with one item or a list of one."""
    [call] = calls_of(json.dumps(WRITTEN[kind]))
    if call.method == CONTENT:
        assert call.turns == [types.Content.model_validate(TURN)]
        assert call.asks
    else:
        expected = [types.FunctionResponse(id="1", name="f")]
        assert call == Call(ANSWER, {"function_responses": expected})


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("[]", r"it contains \[\]"),
        ("null", r"it contains \[\]"),
        ("{}", r"it contains \[\]"),
        ('{"client_content": null}', r"it contains \[\]"),
        ('{"setup": {"model": "m"}}', r"it contains \['setup'\]"),
        ('{"client_content": {}, "realtime_input": {}}', "'client_content', 'realtime_input'"),
        ('{"client_content": []}', "client_content"),
        ('{"clientContent": {"turns": 5}}', "turns"),
        ("{", "property name"),
    ],
)
def test_no_message_is_refused(message, said):
    """What a session does not send is refused with a ValueError, and no part of it is sent."""
    with pytest.raises(ValueError, match=said):
        calls_of(message)


# What the SDK would not write


def truncated():
    """Return a picture that is found to be incomplete when it is read."""
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(file, "PNG")
    return Image.open(io.BytesIO(file.getvalue()[:-2000]))


UNWRITABLE = types.FunctionResponse(id="1", name="f", response={"a": object()})

BAD = {
    "audio without a type": (REALTIME, {"audio": {"data": b"1"}}, ValueError),
    "audio of octets": (
        REALTIME,
        {"audio": types.Blob(data=b"1", mime_type="application/octet-stream")},
        ValueError,
    ),
    "audio of an image's type": (REALTIME, {"audio": JPEG}, ValueError),
    "audio of numbers": (REALTIME, {"audio": {"data": 5, "mime_type": PCM}}, ValueError),
    "audio with more": (REALTIME, {"audio": {"data": b"1", "name": "a"}}, ValueError),
    "no audio": (REALTIME, {"audio": 5}, ValueError),
    "video of an audio's type": (REALTIME, {"video": AUDIO}, ValueError),
    "video without a type": (REALTIME, {"video": {"data": b"1"}}, ValueError),
    "no video": (REALTIME, {"video": 5}, ValueError),
    "truncated video": (REALTIME, {"video": truncated()}, OSError),
    "truncated media": (REALTIME, {"media": truncated()}, OSError),
    "media in a list": (REALTIME, {"media": [AUDIO]}, ValueError),
    "no text": (REALTIME, {"text": 5}, ValueError),
    "no mark": (REALTIME, {"activity_start": 5}, ValueError),
    "no input": (REALTIME, {"text": None}, ValueError),
    "two inputs": (REALTIME, {"text": "a", "audio_stream_end": True}, ValueError),
    "turns of numbers": (CONTENT, {"turns": [5]}, ValueError),
    "turn as a text": (CONTENT, {"turns": "hello"}, ValueError),
    "turn with more": (CONTENT, {"turns": [{"role": "user", "text": "a"}]}, ValueError),
    "turn that cannot be written": (
        CONTENT,
        {"turns": [types.Content(parts=[types.Part(function_response=UNWRITABLE)])]},
        ValueError,
    ),
    "tool of a number": (UPDATE, {"tools": [5]}, AttributeError),
    "tools of a text": (UPDATE, {"tools": "f"}, ValueError),
    "instruction of a number": (UPDATE, {"system_instruction": 5}, ValueError),
    "no update": (UPDATE, {}, ValueError),
    "result of a number": (ANSWER, {"function_responses": 5}, ValueError),
    "no results": (ANSWER, {"function_responses": []}, ValueError),
    "result that cannot be written": (ANSWER, {"function_responses": UNWRITABLE}, TypeError),
}

GOOD = {
    "turn without parts": (CONTENT, {"turns": [{"role": "user"}]}),
    "turn": (CONTENT, {"turns": HELLO, "turn_complete": False}),
    "no turns": (CONTENT, {"turn_complete": True}),
    "audio": (REALTIME, {"audio": AUDIO}),
    "audio without data": (REALTIME, {"audio": {"mime_type": PCM}}),
    "audio in a buffer": (REALTIME, {"audio": {"data": bytearray(b"1"), "mime_type": PCM}}),
    "audio by the names of JSON": (REALTIME, {"audio": {"data": b"1", "mimeType": PCM}}),
    "media without a type": (REALTIME, {"media": {"data": b"1"}}),
    "picture": (REALTIME, {"video": PICTURE}),
    "empty text": (REALTIME, {"text": "", "audio": None}),
    "mark": (REALTIME, {"activity_start": {}}),
    "stream that does not end": (REALTIME, {"audio_stream_end": False}),
    "tool": (UPDATE, {"tools": [tool], "system_instruction": None}),
    "tool that is a method": (UPDATE, {"tools": [Uncopyable().tool]}),
    "no tools": (UPDATE, {"tools": []}),
    "instruction": (UPDATE, {"system_instruction": "Be brief."}),
    "result": (ANSWER, {"function_responses": RESULT}),
    "results": (ANSWER, {"function_responses": [RESULT, {"id": "2", "name": "f"}]}),
}


@on_both_backends
@pytest.mark.parametrize("kind", BAD)
async def test_bad_argument(kind, vertexai):
    """A bad argument raises what the SDK's own session raises for it, on either backend."""
    method, arguments, error = BAD[kind]
    session, messages = session_of(vertexai=vertexai)
    with pytest.raises(error) as expected:
        await getattr(session, method)(**arguments)
    assert messages == []
    with pytest.raises(type(expected.value)) as caught:
        await DryRun(vertexai=vertexai).check(Call(method, arguments))
    assert str(caught.value) == str(expected.value)


@on_both_backends
@pytest.mark.parametrize("kind", GOOD)
async def test_good_argument(kind, vertexai):
    """What the SDK takes is taken, whatever a server may think of it."""
    method, arguments = GOOD[kind]
    session, messages = session_of(vertexai=vertexai)
    await getattr(session, method)(**arguments)
    assert len(messages) == 1
    await DryRun(vertexai=vertexai).check(Call(method, arguments))


async def test_result_without_an_id():
    """A result without the id of its call is refused on the one backend that has ids."""
    call = Call(ANSWER, {"function_responses": NAMELESS})
    await DryRun(vertexai=True).check(call)
    with pytest.raises(ValueError, match="must have an `id`"):
        await DryRun(vertexai=False).check(call)


async def test_session_is_good_for_more():
    """A message that is refused leaves the next one to be judged by itself."""
    dry_run = DryRun(vertexai=False)
    for _ in range(2):
        with pytest.raises(ValueError):
            await dry_run.check(Call(REALTIME, {"text": 5}))
        await dry_run.check(Call(REALTIME, {"text": "a"}))
        assert await dry_run.translate("b", end_of_turn=True)


# Realtime input that is going to be kept


class Frame:
    """What the SDK takes for a blob by its attributes."""

    data, mime_type, display_name = b"1", PCM, None


@on_both_backends
@pytest.mark.parametrize("name", ["media", "video"])
async def test_picture_is_read(name, vertexai):
    """A picture is read into a blob, which can be kept and means the same."""
    [(read, blob)] = (await DryRun(vertexai=vertexai).read({name: PICTURE})).items()
    assert read == name
    assert Image.open(io.BytesIO(blob.data)).size == PICTURE.size
    assert blob.mime_type == "image/png"
    written = []
    for value in (PICTURE, blob):
        session, messages = session_of(vertexai=vertexai)
        await session.send_realtime_input(**{name: value})
        written += messages
    assert written[0] == written[1]


@on_both_backends
async def test_object_is_read(vertexai):
    """What has the attributes of a blob is read into one."""
    read = await DryRun(vertexai=vertexai).read({"audio": Frame()})
    assert read == {"audio": types.Blob(data=b"1", mime_type=PCM)}


@pytest.mark.parametrize(
    "given",
    [
        {"audio": AUDIO},
        {"video": JPEG},
        {"media": {"data": b"1"}},
        {"text": "a"},
        {"activity_end": types.ActivityEnd()},
        {"audio_stream_end": False},
    ],
    ids=str,
)
async def test_what_can_be_kept_is_left_as_it_is(given):
    """Blobs and all that is no media are returned as they were given, and nothing that is None."""
    names = ("media", "audio", "video", "text", "activity_end", "audio_stream_end")
    read = await DryRun(vertexai=False).read(dict.fromkeys(names) | given)
    assert list(read) == list(given)
    assert all(read[name] is given[name] for name in given)


@pytest.mark.parametrize("given", [{}, {"audio": JPEG}, {"text": "a", "audio": AUDIO}])
async def test_bad_input_is_not_read(given):
    """What the SDK would not write is refused before it is read."""
    with pytest.raises(ValueError):
        await DryRun(vertexai=False).read(given)


# Copies


@on_both_backends
async def test_copy_of_a_content_is_written_alike(vertexai):
    """A copy is written as what it was made of."""
    turns = [HELLO, {"role": "user", "parts": [{"inline_data": {"data": bytearray(BYTES)}}]}, SEEN]
    calls = [
        Call(CONTENT, {"turns": turns, "turn_complete": True}),
        Call(UPDATE, {"tools": [tool, Uncopyable().tool], "system_instruction": HELLO}),
        Call(ANSWER, {"function_responses": [RESULT]}),
    ]
    for call in calls:
        session, messages = session_of(vertexai=vertexai)
        for arguments in (call.arguments, copy_of(call.arguments)):
            await getattr(session, call.method)(**arguments)
        assert messages[0] == messages[1]
