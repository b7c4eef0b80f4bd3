"""What comes from a model that makes something of audio without ever ending a turn.

Pure: no socket, no clock.
"""

from collections.abc import Sequence

from . import _frames as frames
from ._exchange import Reaction
from ._profiles import Profile
from ._steps import SILENCE, Step, chunks
from ._wire import Message


def translation(words: str, spoken: str) -> list[Step]:
    """Give the messages that translate a segment of speech.

    Args:
        words: What was understood of it.
        spoken: What the model says to it.
    """
    audio = [frames.model_audio(SILENCE, piece) for piece in chunks(spoken)]
    return _steps([frames.input_transcription(words), *audio, frames.usage(len(spoken))])


def transcription(words: str, reaction: Reaction, *, profile: Profile) -> list[Step]:
    """Give the messages that transcribe speech, as far as it has come.

    Speech that is over with its first frame is transcribed without more ado; else its beginning is
    told with the second frame, and what is understood so far with each.

    Args:
        words: What was understood of it.
        reaction: What was heard.
        profile: How the model tells of speech.
    """
    content = profile.voice_activity == "with_content"
    if reaction.over:
        end = frames.voice_activity("END", content=content)
        return _steps([frames.input_transcription(words), frames.generation_complete(), end])
    interim = frames.interim_transcription(words)
    match len(reaction.speech):
        case 1:
            return []
        case 2:
            return _steps([frames.voice_activity("START", content=content), interim])
        case _:
            return _steps([interim])


def _steps(messages: Sequence[Message]) -> list[Step]:
    return [Step(message) for message in messages]
