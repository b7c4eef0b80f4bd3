"""The frames that the server sends.

Pure: no socket, no clock. Frames are camelCase; what the client sends is in ``_wire``.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ._wire import Message

AUDIO_MIME_TYPE = "audio/pcm;rate=24000"


def encode(message: Mapping[str, Any]) -> str:
    """Write a server message as the text of a frame."""
    return json.dumps(message)


def setup_complete(session_id: str | None) -> Message:
    """Say that the session is open, and its id unless that is None."""
    return {"setupComplete": {} if session_id is None else {"sessionId": session_id}}


def nothing(*, content: bool) -> Message:
    """Say nothing, in server content that is empty or without any."""
    return {"serverContent": {}} if content else {}


def model_text(text: str) -> Message:
    """Carry a piece of a written reply."""
    return {"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": text}]}}}


def model_audio(data: bytes, transcription: str | None = None) -> Message:
    """Carry a piece of a spoken reply, with its transcription unless that is None."""
    blob = {"mimeType": AUDIO_MIME_TYPE, "data": base64.b64encode(data).decode()}
    content: Message = {"modelTurn": {"role": "model", "parts": [{"inlineData": blob}]}}
    if transcription is not None:
        content["outputTranscription"] = {"text": transcription}
    return {"serverContent": content}


def output_transcription(text: str | None, *, finished: bool = False) -> Message:
    """Carry words of a spoken reply on their own; None for a transcription without any."""
    transcription: Message = {} if text is None else {"text": text}
    if finished:
        transcription["finished"] = True
    return {"serverContent": {"outputTranscription": transcription}}


def generation_complete() -> Message:
    """Say that the model has generated all of its reply."""
    return {"serverContent": {"generationComplete": True}}


def turn_complete(
    tokens: int | None = None, *, grounding: bool = False, status: str | None = None
) -> Message:
    """Say that the turn is over.

    Args:
        tokens: How many it used, in the same frame; None leaves them out.
        grounding: Whether grounding metadata comes with it.
        status: "IDLE" or "IN_PROGRESS", whether the model goes on; None leaves it out.
    """
    content: Message = {"turnComplete": True}
    if grounding:
        content["groundingMetadata"] = {}
    if status is not None:
        content["interactionStatus"] = status
    return {"serverContent": content} | ({} if tokens is None else usage(tokens))


def usage(tokens: int) -> Message:
    """Say how many tokens were used."""
    return {"usageMetadata": {"totalTokenCount": tokens}}


def input_transcription(text: str) -> Message:
    """Say what was understood of the user's speech."""
    return {"serverContent": {"inputTranscription": {"text": text}}}


def interim_transcription(text: str) -> Message:
    """Say what is understood so far of speech that goes on."""
    return {"serverContent": {"interimInputTranscription": {"text": text}}}


def voice_activity(kind: Literal["START", "END"], *, content: bool) -> Message:
    """Say that speech begins or ends, with or without empty server content beside it."""
    return nothing(content=content) | {"voiceActivity": {"type": f"ACTIVITY_{kind}"}}


def interrupted() -> Message:
    """Say that the client's input cut the reply off."""
    return {"serverContent": {"interrupted": True}}


def tool_call(calls: Iterable[tuple[str | None, str, Mapping[str, Any]]]) -> Message:
    """Ask the client to call functions; each is an id or None, a name and the arguments."""
    listed = [
        ({} if key is None else {"id": key}) | {"name": name, "args": dict(args)}
        for key, name, args in calls
    ]
    return {"toolCall": {"functionCalls": listed}}


def tool_call_cancellation(ids: Iterable[str]) -> Message:
    """Say that the results of these calls are not wanted any more."""
    return {"toolCallCancellation": {"ids": list(ids)}}


def resumption_update(handle: str | None, consumed: int | None = None) -> Message:
    """Hand out a handle, or say with None that the session cannot be resumed at this point.

    Args:
        handle: The handle; None sends ``resumable: false`` without one.
        consumed: Number of the last client message it covers; None leaves the field out.
    """
    update: Message = {"resumable": handle is not None}
    if handle is not None:
        update["newHandle"] = handle
    if consumed is not None:
        update["lastConsumedClientMessageIndex"] = str(consumed)  # int64 is a string in JSON
    return {"sessionResumptionUpdate": update}


def go_away(time_left: str | None) -> Message:
    """Say that the connection will end soon; None leaves out when."""
    return {"goAway": {} if time_left is None else {"timeLeft": time_left}}
