"""Sessions of the real server that were recorded, played again on the emulator."""

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from recordings import RECORDINGS, STREAMS, frames_of, part_of
from talking import GEMINI_PATH, VERTEX_PATH
from websockets.asyncio.client import ClientConnection, connect

from reconnect.testing import PROFILES, LiveServer, Profile, Question, Reply
from reconnect.testing._model import Model

FRAME = 0.02
"""Seconds between frames of audio."""

PATIENCE = 5.0
"""Seconds after which the server has nothing more to say."""

SILENT_FRAMES = 6
"""How many of the frames of a spoken turn are silent, at its end."""

OUTPUT = {"audio", "audio+words", "code", "empty", "heard", "interim", "thought", "usage"} | {
    "words",
    "words-",
    "words.",
}
"""Frames that come as often as the model likes, and alternate as it likes."""

SAID = "one two three four five six seven eight"
KINDS = {
    "interimInputTranscription": "interim",
    "generationComplete": "whole",
    "groundingMetadata": "grounding",
    "inputTranscription": "heard",
    "inlineData": "audio",
    "interrupted": "interrupted",
    "executableCode": "code",
    "sessionResumptionUpdate": "handle",
    "text": "thought",
    "toolCall": "call",
    "turnComplete": "end",
    "usageMetadata": "usage",
}


def content(*roles: str, complete: bool = False) -> dict[str, Any]:
    """Give client content with a turn of each role."""
    turns = [{"role": role, "parts": [{"text": "a"}]} for role in roles]
    return {"client_content": {"turns": turns, "turn_complete": complete}}


def blob(data: bytes, mime_type: str) -> dict[str, str]:
    """Give a blob as the client sends it."""
    return {"data": base64.b64encode(data).decode(), "mime_type": mime_type}


MESSAGES: dict[str, dict[str, Any]] = {
    ">audio_end": {"realtime_input": {"audio_stream_end": True}},
    ">history": content("user", "model"),
    ">turn": content("user", complete=True),
    ">video": {"realtime_input": {"video": blob(b"v", "image/jpeg")}},
}
"""What the client sends, save what depends on what came before."""


def kind_of(message: dict[str, Any]) -> str:
    """Name what is in a frame of the server, as the recordings do."""
    if "setupComplete" in message:
        return "ready#" if message["setupComplete"] else "ready"
    fields = dict(message)
    content = fields.pop("serverContent", None)
    fields = {**(content or {}), **fields}
    parts = fields.pop("modelTurn", {}).get("parts", [])
    found = [KINDS[next(iter(part))] for part in parts]
    transcription = fields.pop("outputTranscription", None)
    if transcription is not None:
        empty = "." if transcription.get("finished") else "-"
        found.append("words" if transcription.get("text") else f"words{empty}")
    activity = fields.pop("voiceActivity", None)
    if activity is not None:
        found += ["empty"] if content == {} else []
        found.append({"ACTIVITY_START": "start", "ACTIVITY_END": "stop"}[activity["type"]])
    return "+".join(found + [KINDS[field] for field in fields]) or "empty"


def shape(frames: list[str], *, endless: bool) -> list[tuple[str, ...]]:
    """Reduce frames to what a profile says: each run of output is its kinds, in order.

    Args:
        frames: What the server sent.
        endless: Whether handles stand anywhere in the output, since no turn ends.
    """
    output = OUTPUT | {"handle"} if endless else OUTPUT
    found: list[tuple[str, ...]] = []
    before = False
    for frame in frames:
        if frame in output and before:
            if frame not in found[-1]:
                found[-1] += (frame,)
        else:
            found.append((frame,))
        before = frame in output
    return found


def begins(found: list[tuple[str, ...]], recorded: list[tuple[str, ...]]) -> bool:
    """Tell whether what was found begins as it was recorded, which may end in a run."""
    if len(found) < len(recorded):
        return False
    *whole, last = recorded
    return found[: len(whole)] == whole and found[len(whole)][: len(last)] == last


class Player:
    """Plays what the client sent, each frame when the server had sent what came before it."""

    def __init__(self, recording: dict[str, Any], websocket: ClientConnection) -> None:
        self._recording = recording
        self._websocket = websocket
        self._endless = recording["profile"] in STREAMS
        self.sent: list[str] = []
        self._ids: list[str] = []

    async def play(self) -> bool:
        """Play it, and tell whether the server sent what was recorded."""
        before: list[str] = []
        frames = frames_of(self._recording["order"])
        for place, frame in enumerate(frames):
            if not frame.startswith(">"):
                before.append(frame)
                continue
            if before and not await self._reaches(before, exactly=True):
                return False
            last = frames[place + 1 : place + 2] != [frame]
            await self._send(frame, frames[:place].count(frame), last=last)
        return await self._reaches(before, exactly=False)

    async def _reaches(self, recorded: list[str], *, exactly: bool) -> bool:
        """Read until what was recorded has come, and tell whether it did."""
        wanted = shape(recorded, endless=self._endless)
        while True:
            found = shape(self.sent, endless=self._endless)
            if found == wanted if exactly else begins(found, wanted):
                return True
            try:
                data = await asyncio.wait_for(self._websocket.recv(), PATIENCE)
            except TimeoutError:
                return False
            message = json.loads(data)
            for call in message.get("toolCall", {}).get("functionCalls", []):
                self._ids += [call["id"]] if "id" in call else []
            self.sent.append(kind_of(message))

    async def _send(self, frame: str, number: int, *, last: bool) -> None:
        if frame == ">audio":
            for data in self._audio(number, last=last):
                await self._write({"realtime_input": {"audio": data}})
            await asyncio.sleep(FRAME)
        elif frame == ">setup":
            await self._write({"setup": self._setup()})
        elif frame == ">result":
            await self._write({"tool_response": {"function_responses": [self._result()]}})
        else:
            await self._write(MESSAGES[frame])

    async def _write(self, message: dict[str, Any]) -> None:
        await self._websocket.send(json.dumps(message))

    def _audio(self, number: int, *, last: bool) -> list[dict[str, str]]:
        """Give a frame of audio; the last one of a turn brings the silence after it."""
        kind = "audio/pcm;rate=16000"
        speech, silence = blob(b"\1\2" * 320, kind), blob(bytes(640), kind)
        if self._recording["profile"] == "transcribe":  # one word, a pause, and then speech
            return [silence] * SILENT_FRAMES if number == 1 else [speech]
        return [speech, *[silence] * SILENT_FRAMES] if last else [speech]

    def _result(self) -> dict[str, Any]:
        result: dict[str, Any] = {"name": "f", "response": {}}
        result |= {"id": self._ids.pop()} if self._ids else {}
        return result | ({"scheduling": "INTERRUPT"} if self._non_blocking else {})

    @property
    def _non_blocking(self) -> bool:
        return bool(self._recording.get("non_blocking"))

    def _setup(self) -> dict[str, Any]:
        setup: dict[str, Any] = {"generation_config": {"response_modalities": ["AUDIO"]}}
        setup["input_audio_transcription"] = {}
        if self._recording.get("transcribed", True):
            setup["output_audio_transcription"] = {}
        if self._recording.get("resumption"):
            setup["session_resumption"] = {}
        if self._non_blocking:
            function = {"name": "f", "behavior": "NON_BLOCKING"}
            setup["tools"] = [{"function_declarations": [function]}]
        return setup


def model_of(recording: dict[str, Any]) -> Model:
    """Give the model that has to say what the recorded one had, and says the last thing again."""
    replies = [
        [part_of(name, SAID) for name in parts] for parts in recording.get("replies", [["talk"]])
    ]

    def answer(question: Question) -> Reply:
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply[0] if len(reply) == 1 else reply

    return answer


async def replay(recording: dict[str, Any], profile: Profile) -> tuple[bool, list[str]]:
    """Play a recording on a profile; tell whether it was played, and what the server sent."""
    backend = PROFILES[recording["profile"]].backend
    path = VERTEX_PATH if backend == "vertex" else GEMINI_PATH
    async with LiveServer(model_of(recording), profile=profile, vad=True) as server:
        url = f"wss://127.0.0.1:{server.port}{path}"
        async with connect(url, ssl=server.ssl) as websocket:
            player = Player(recording, websocket)
            return await player.play(), player.sent


each_recording = pytest.mark.parametrize(
    "recording", RECORDINGS, ids=[f"{it['model']}: {it['shows']}" for it in RECORDINGS]
)


@each_recording
async def test_the_emulator_orders_frames_as_the_real_server_does(recording):
    """A profile sends the kinds of frames that were recorded, in their order."""
    profile = replace(PROFILES[recording["profile"]], **recording.get("differs", {}))
    played, sent = await replay(recording, profile)
    assert played, f"{recording['order']} was {' '.join(sent)}"


@each_recording
async def test_other_profiles_order_frames_otherwise(recording):
    """No recording is played by a profile of another kind of model."""
    own = recording["profile"]
    if own in STREAMS or recording["replies"] == [["nothing"]]:  # there is but one way
        return
    for name in set(PROFILES) - STREAMS - {own}:
        if {name, own} == {"2.0-vertex", "2.5-vertex"}:  # they differ in a result that is unknown
            continue
        played, sent = await replay(recording, PROFILES[name])
        assert not played, f"{name} sent it too: {' '.join(sent)}"


def test_all_recordings_are_told_apart():
    """The file has the 24 recordings, and each profile is recorded."""
    assert len(RECORDINGS) == 24
    assert {recording["profile"] for recording in RECORDINGS} == set(PROFILES)


@pytest.mark.parametrize(
    ("sent", "recorded", "same"),
    [
        ("ready words audio words audio whole end", "ready words audio*9 whole end", True),
        ("ready words audio whole end handle", "ready words*2 audio whole end", True),
        ("ready audio words whole end", "ready words audio whole end", False),
        ("ready words audio whole", "ready words*3", True),
        ("ready words whole end", "ready words audio whole end", False),
        ("ready words audio end whole", "ready words audio whole end", False),
        ("ready", "ready words", False),
    ],
)
def test_orders_are_compared(sent, recorded, same):
    """Orders are the same up to how often output comes, and to where the recording ends."""
    found, wanted = (shape(frames_of(order), endless=False) for order in (sent, recorded))
    assert begins(found, wanted) is same
