"""Media, driven by hand: what is held, written and taken out of it."""

from reconnect._conversation.chunks import chunk_of
from reconnect._conversation.limits import Limit
from reconnect._conversation.media import Media

PAUSE = {"audio_stream_end": True}


def media_of(seconds=3.0, *, messages=100, size=2**20, full="drop"):
    """Return media with so much room."""
    return Media(seconds=seconds, limit=Limit(messages=messages, bytes=size, full=full))


def hold(media, *inputs, place=1):
    """Hold inputs, the first of which has the place."""
    for number, arguments in enumerate(inputs, place):
        media.hold(chunk_of(arguments, place=number))


def write(media, *inputs, numbered=True):
    """Write inputs, the first of which has the first place, and the first number if any."""
    for number, arguments in enumerate(inputs, 1):
        media.line.written(chunk_of(arguments, place=number), number=number if numbered else None)


def drained(media):
    """Take out all that waits, and note it as written."""
    taken = []
    while media.first is not None:
        item = media.next()
        media.line.written(item)
        taken.append(item.arguments)
    return taken


def count(media, *inputs):
    """Count audio as it is written past everything else."""
    for arguments in inputs:
        media.line.note(arguments["audio"])


def acknowledge(media):
    """Let the server acknowledge all that was written so far."""
    media.line.acknowledged(media.line.seconds)
