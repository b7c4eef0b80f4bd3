"""The wire format: reading what clients send."""

import json
from typing import Any

import pytest

from reconnect.testing import _wire as wire
from reconnect.testing._wire import Input, Refused, inputs

GEMINI_PATH = "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"
VERTEX_PATH = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"


def read(message: dict[str, Any], **arguments: Any) -> list[Input]:
    """Decode a client message and take it apart."""
    return inputs(wire.decode(json.dumps(message))[1], **{"needs_ids": True, **arguments})


def test_dialect_follows_from_the_path():
    """The path tells the dialects apart, and everything else is neither."""
    assert wire.dialect_of(GEMINI_PATH) == "gemini"
    assert wire.dialect_of(GEMINI_PATH + "Constrained?key=x") == "gemini"
    assert wire.dialect_of(VERTEX_PATH) == "vertex"
    assert wire.dialect_of("/") is None


@pytest.mark.parametrize(
    ("path", "headers", "credential"),
    [
        ("/", {"x-goog-api-key": "a"}, "a"),
        ("/", {"Authorization": "Token b"}, "b"),
        ("/?key=c", {}, "c"),
        ("/", {}, None),
    ],
)
def test_credential_is_found(path, headers, credential):
    """A credential comes in a header or in the query."""
    assert wire.credential_of(path, headers) == credential


def test_normalise_leaves_the_users_names_alone():
    """Keys become snake_case, but not those of arguments and results."""
    message = {"functionResponses": [{"id": 1, "response": {"myKey": {"aB": 1}}}], "x": [1]}
    assert wire.normalise(message) == {
        "function_responses": [{"id": 1, "response": {"myKey": {"aB": 1}}}],
        "x": [1],
    }


@pytest.mark.parametrize("key", ["client_content", "clientContent"])
def test_decode_takes_either_case(key):
    """A message is the same in snake_case and in camelCase."""
    frame = json.dumps({key: {"turnComplete": True}})
    expected = ("client_content", {"client_content": {"turn_complete": True}})
    assert wire.decode(frame) == expected
    assert wire.decode(frame.encode()) == expected


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("no JSON", wire.INVALID_JSON),
        (b"\xff\xfe\xff", wire.INVALID_JSON),
        ("[]", wire.INVALID_ARGUMENT),
        ("{}", wire.INVALID_ARGUMENT),
        ('{"setup": {}, "tool_response": {}}', wire.INVALID_ARGUMENT),
        ('{"setup": 1}', wire.INVALID_ARGUMENT),
        ('{"what": {}}', wire.INVALID_JSON + ' Unknown name "what": Cannot find field.'),
    ],
)
def test_decode_refuses_what_is_no_message(frame, reason):
    """A malformed frame is refused with 1007."""
    with pytest.raises(Refused) as refused:
        wire.decode(frame)
    assert (refused.value.code, refused.value.reason) == (1007, reason)


def test_content_becomes_context_and_a_turn():
    """The last content of a completed message is the turn."""
    turns = [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
        {"parts": [{"text": "d"}]},
    ]
    context = [Input("context", "user", "ab"), Input("context", "model", "c")]
    complete = {"client_content": {"turns": turns, "turnComplete": True}}
    assert read(complete) == [*context, Input("turn", "user", "d")]
    more = {"client_content": {"turns": turns}}
    assert read(more) == [*context, Input("context", "user", "d")]
    assert read(complete, seeding=True) == [
        Input("seed", "user", "ab"),
        Input("seed", "model", "c"),
        Input("seed", "user", "d"),
    ]


def test_content_other_than_text_is_kept_whole():
    """Parts that are not all text stay parts."""
    parts = [{"text": "a"}, {"inline_data": {"mime_type": "image/png", "data": ""}}]
    message = {"client_content": {"turns": [{"parts": parts}]}}
    assert read(message) == [Input("context", "user", parts)]


def test_content_without_turns_asks_on():
    """A completed message without turns asks the model to go on, and ends a seed."""
    message: dict[str, Any] = {"client_content": {"turnComplete": True}}
    assert read(message) == [Input("ask_on")]
    assert read(message, seeding=True) == []


@pytest.mark.parametrize("part", [{"functionCall": {}}, {"function_response": {}}])
def test_function_parts_in_content_are_refused(part):
    """Function calls and responses cannot be told as history."""
    with pytest.raises(Refused, match="invalid argument"):
        read({"client_content": {"turns": [{"parts": [part]}]}})


def test_realtime_input_is_told_apart():
    """Each kind of realtime input is recognised."""
    blob = {"mime_type": "audio/pcm", "data": "__4="}
    image = {"mime_type": "image/png", "data": "//4="}
    body = {
        "text": "t",
        "audio": blob,
        "video": image,
        "mediaChunks": [blob, image],
        "activityStart": {},
        "activityEnd": {},
        "audioStreamEnd": True,
    }
    assert read({"realtime_input": body}) == [
        Input("text", "user", "t"),
        Input("audio", "user", b"\xff\xfe"),
        Input("video", "user", b"\xff\xfe"),
        Input("audio", "user", b"\xff\xfe"),
        Input("video", "user", b"\xff\xfe"),
        Input("activity_start"),
        Input("activity_end"),
        Input("audio_stream_end"),
    ]


@pytest.mark.parametrize(
    ("kind", "rate"),
    [("audio/pcm;rate=8000", 8000), ("audio/pcm", 16000), ("audio/pcm;rate=0", 16000)],
)
def test_audio_has_a_rate(kind, rate):
    """The type of a blob says the rate of its sound, or it is the usual one."""
    blob = {"mime_type": kind, "data": "__4="}
    assert read({"realtime_input": {"audio": blob}})[0].rate == rate
    assert read({"realtime_input": {"mediaChunks": [blob]}})[0].rate == rate


@pytest.mark.parametrize(
    "message",
    [
        {"setup": {}},
        {"realtime_input": {"smell": "x"}},
        {"realtime_input": {"audio": {"data": "!"}}},
        {"realtime_input": {"audio": {}}},
        {"realtime_input": {"audio": 1}},
        {"client_content": {"turns": [1]}},
        {"tool_response": {}},
        {"tool_response": {"function_responses": [{"name": "f"}]}},
    ],
)
def test_messages_of_another_shape_are_refused(message):
    """A message the server cannot read is refused with 1007."""
    with pytest.raises(Refused) as refused:
        read(message)
    assert refused.value.code == 1007


def test_tool_responses_may_need_no_id():
    """A function response without an id is good where calls have none."""
    message = {"tool_response": {"functionResponses": [{"name": "f", "response": {"aB": 1}}]}}
    expected = [Input("tool_response", "user", {"name": "f", "response": {"aB": 1}})]
    assert read(message, needs_ids=False) == expected


def test_context_updates_are_passed_on():
    """A context update is one input."""
    message = {"contextUpdate": {"tools": {}}}
    assert read(message) == [Input("context_update", "user", {"tools": {}})]
