"""The frames that the server sends."""

import json

import pytest
from google.genai import types

from reconnect.testing import _frames as frames


@pytest.mark.parametrize(
    "message",
    [
        frames.setup_complete("s"),
        frames.setup_complete(None),
        frames.nothing(content=True),
        frames.nothing(content=False),
        frames.model_text("a"),
        frames.model_audio(b"\0\0", "a"),
        frames.model_audio(b"\0\0"),
        frames.output_transcription("a"),
        frames.output_transcription(None, finished=True),
        frames.generation_complete(),
        frames.turn_complete(),
        frames.turn_complete(7, grounding=True, status="IDLE"),
        frames.usage(7),
        frames.input_transcription("a"),
        frames.interim_transcription("a"),
        frames.interrupted(),
        frames.tool_call([("1", "f", {"a": 1})]),
        frames.tool_call([(None, "f", {})]),
        frames.tool_call_cancellation(["1"]),
        frames.resumption_update("h"),
        frames.resumption_update("h", 3),
        frames.resumption_update(None),
        frames.go_away("9.5s"),
        frames.go_away(None),
    ],
)
def test_server_messages_are_the_sdks(message):
    """Every server message is one the SDK knows, to the last field."""
    read_back = types.LiveServerMessage.model_validate(json.loads(frames.encode(message)))
    assert read_back.model_dump(by_alias=True, exclude_none=True, mode="json").keys() == (
        message.keys()
    )


def test_indexes_are_strings():
    """The index of the last consumed message is a string, as int64 is in JSON."""
    update = frames.resumption_update("h", 3)["sessionResumptionUpdate"]
    assert update == {
        "resumable": True,
        "newHandle": "h",
        "lastConsumedClientMessageIndex": "3",
    }


def test_what_is_unknown_is_left_out():
    """A missing handle or time is a missing field."""
    assert frames.resumption_update(None) == {"sessionResumptionUpdate": {"resumable": False}}
    assert frames.go_away(None) == {"goAway": {}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (False, {"voiceActivity": {"type": "ACTIVITY_END"}}),
        (True, {"serverContent": {}, "voiceActivity": {"type": "ACTIVITY_END"}}),
    ],
)
def test_voice_activity_may_stand_beside_empty_content(content, message):
    """Voice activity is a field of its own, for which the SDK has another name."""
    assert frames.voice_activity("END", content=content) == message
