"""What a server message is read as."""

import pytest
from google.genai import types
from messages import (
    calling,
    cancelling,
    complete,
    content,
    heard,
    model,
    said,
    sound,
    transcribed,
    update,
)

from reconnect._conversation.reading import ends_turn, is_empty_end, is_only_output

AWAY = types.LiveServerMessage(go_away=types.LiveServerGoAway(time_left="9s"))


@pytest.mark.parametrize(
    ("message", "over"),
    [
        (said("a"), False),
        (complete(interaction_status="INTERACTION_STATUS_UNSPECIFIED"), True),
        (content(interaction_status="INTERACTION_STATUS_UNSPECIFIED"), False),
        (complete(interaction_status="IN_PROGRESS"), False),
        (content(interaction_status="IDLE"), True),
        (calling("1"), False),
    ],
)
def test_ends_turn(message, over):
    """A turn is over where the SDK's ``receive()`` ends."""
    assert ends_turn(message) is over


def test_is_empty_end():
    """The end of a turn is empty where no output comes with it."""
    assert is_empty_end(complete())
    assert not is_empty_end(complete(model_turn=types.Content(role="model", parts=[])))
    assert not is_empty_end(said("a"))
    assert not is_empty_end(update("h"))


def test_is_only_output():
    """A message is only output if it has a part of a reply, and nothing besides."""
    assert is_only_output(said("a"))
    assert is_only_output(sound())
    assert is_only_output(model())
    others = (complete(), heard("x"), transcribed("x"), update("h"), calling("1"), cancelling("1"))
    assert not any(is_only_output(message) for message in (*others, AWAY))


@pytest.mark.parametrize(
    "fields",
    [
        {"session_resumption_update": update("h").session_resumption_update},
        {"tool_call": calling("1").tool_call},
        {"tool_call_cancellation": cancelling("1").tool_call_cancellation},
        {"go_away": AWAY.go_away},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_is_more_than_output(fields):
    """A message that carries something besides a part of a reply is more than output."""
    assert not is_only_output(sound().model_copy(update=fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"turn_complete": True},
        {"output_transcription": types.Transcription(text="a")},
        {"input_transcription": types.Transcription(text="a")},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_content_is_more_than_output(fields):
    """Content that has an end or a transcription besides a part of a reply is more than output."""
    turn = types.Content(role="model", parts=[])
    assert is_only_output(content(model_turn=turn))
    assert not is_only_output(content(model_turn=turn, **fields))
