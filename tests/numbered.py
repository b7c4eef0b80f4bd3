"""Frames of audio that are known by their numbers, and which of them have arrived."""

from google.genai import types

PCM = "audio/pcm;rate=16000"


def frame(number, seconds=0.02):
    """Return a frame of audio that is known by its number."""
    size = int(seconds * 32_000)
    return types.Blob(data=number.to_bytes(2, "big") + bytes(size - 2), mime_type=PCM)


def frames(server):
    """Return the numbers of the frames that the model knows, in order."""
    audio = [known.value for known in server.context if isinstance(known.value, bytes)]
    return [int.from_bytes(data[:2], "big") for data in audio]


def sent_to(server):
    """Return the kinds of what the model received, in order."""
    return [heard.kind for heard in server.heard]
