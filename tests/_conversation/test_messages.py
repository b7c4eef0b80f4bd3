"""What a server message is read as."""

import json

import pytest
from google import genai
from google.genai import types
from google.genai.live import AsyncSession
from messages import (
    calling,
    cancelling,
    complete,
    content,
    heard,
    is_part,
    model,
    said,
    transcribed,
    update,
)

from reconnect._conversation.messages import ends_turn

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


def test_is_a_part_of_a_reply():
    """A message is only a part of a reply if it has output, and nothing besides."""
    assert is_part(said("a"))
    assert is_part(model())
    others = (complete(), heard("x"), transcribed("x"), update("h"), calling("1"), cancelling("1"))
    assert not any(is_part(message) for message in (*others, AWAY, types.LiveServerMessage()))


OUTPUT = {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AAA="}}]}}


class OneFrame:
    """A WebSocket with one frame to be read."""

    def __init__(self, frame):
        self.frame = json.dumps(frame)

    async def recv(self, decode=None):
        return self.frame


async def read(frame, *, vertexai):
    """Return the message that the SDK makes of a frame."""
    client = genai.Client(vertexai=vertexai, api_key="none")
    session = AsyncSession(api_client=client._api_client, websocket=OneFrame(frame))
    return await anext(session.receive())


@pytest.mark.parametrize("vertexai", [False, True])
async def test_piece_of_audio_as_the_sdk_reads_it(vertexai):
    """A piece of audio is known by its fields, on both backends: the SDK sets no others."""
    message = await read({"serverContent": OUTPUT}, vertexai=vertexai)
    assert message.data == b"\0\0"
    assert is_part(message)


@pytest.mark.parametrize("vertexai", [False, True])
@pytest.mark.parametrize(
    "more",
    [
        {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
        {"toolCall": {"functionCalls": [{"id": "1", "name": "f"}]}},
        {"toolCallCancellation": {"ids": ["1"]}},
        {"goAway": {"timeLeft": "9s"}},
        {"usageMetadata": {"totalTokenCount": 1}},
    ],
    ids=lambda fields: next(iter(fields)),
)
async def test_is_more_than_a_part(more, vertexai):
    """A message that carries something besides a part of a reply is more than that."""
    assert not is_part(await read({"serverContent": OUTPUT, **more}, vertexai=vertexai))


@pytest.mark.parametrize("vertexai", [False, True])
@pytest.mark.parametrize(
    "more",
    [
        {"turnComplete": True},
        {"interrupted": True},
        {"generationComplete": True},
        {"outputTranscription": {"text": "a"}},
        {"inputTranscription": {"text": "a"}},
    ],
    ids=lambda fields: next(iter(fields)),
)
async def test_content_is_more_than_a_part(more, vertexai):
    """Content that has an end or a transcription besides a part of a reply is more than that."""
    assert not is_part(await read({"serverContent": {**OUTPUT, **more}}, vertexai=vertexai))
