"""What happens on a connection, in lines for a person to read.

They go to the logger ``reconnect.testing``. Pieces of one thing that come one after the other (of a
reply, of audio) are one line. Neither handles nor keys are in them.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ._wire import Input, Message

logger = logging.getLogger("reconnect.testing")

FRAMES_PER_LINE: Final = 50
"""Pieces of audio after which there is a line of them, though more may follow."""

LONGEST: Final = 120
"""Characters of a text that are shown."""

_AUDIO: Final = frozenset({"audio", "video"})


class Entry(NamedTuple):
    """One thing that is told, or a piece of it.

    Args:
        what: What it is.
        text: What is said; None where the pieces are counted.
        ends: Whether it is a thing of its own, and not a piece.
    """

    what: str
    text: str | None = ""
    ends: bool = True


class Journal:
    """Tells of one connection.

    Args:
        number: Its number.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._pieces: dict[tuple[str, str], list[str | None]] = {}
        """What has come of the things that are not over, by who sends them and what they are."""

    def note(self, who: str, text: str) -> None:
        """Tell what somebody, the "client" or the "server", does to the connection."""
        if logger.isEnabledFor(logging.INFO):
            self._tell(who, Entry(text))

    def heard(self, item: Input) -> None:
        """Tell of what the client has sent."""
        if logger.isEnabledFor(logging.INFO):
            self._tell("client", entry_of(item))

    def sent(self, message: Message | str | bytes) -> None:
        """Tell of a message of the server's."""
        if logger.isEnabledFor(logging.INFO):
            found = entries_of(message) if isinstance(message, dict) else [Entry("raw frame")]
            for entry in found:
                self._tell("server", entry)

    def _tell(self, who: str, entry: Entry) -> None:
        if entry.ends:
            self._flush()
            self._log(who, entry.what, entry.text or "")
            return
        pieces = self._pieces.setdefault((who, entry.what), [])
        pieces.append(entry.text)
        if entry.text is None and len(pieces) == FRAMES_PER_LINE:
            self._log(who, entry.what, _summary(self._pieces.pop((who, entry.what))))

    def _flush(self) -> None:
        """Tell of what is not over as far as it has come."""
        found, self._pieces = self._pieces, {}
        for (who, what), pieces in found.items():
            self._log(who, what, _summary(pieces))

    def _log(self, who: str, what: str, text: str) -> None:
        logger.info("#%d %-7s %s", self._number, who, f"{what} {text}".rstrip())


def _summary(pieces: Sequence[str | None]) -> str:
    """Join pieces of a text, or count those without one."""
    words = [piece for piece in pieces if piece is not None]
    if words:
        return _text("".join(words))
    return f"{len(pieces)} {'piece' if len(pieces) == 1 else 'pieces'}"


def entry_of(item: Input) -> Entry:
    """Say in words what a client has told the model.

    Args:
        item: The input.
    """
    what = item.kind.replace("_", " ")
    if item.kind in _AUDIO:
        return Entry(what, None, ends=False)
    return Entry(what if item.role == "user" else f"{what} of the {item.role}", _text(item.value))


def entries_of(message: Mapping[str, Any]) -> Iterator[Entry]:
    """Say in words what a message of the server's holds.

    Args:
        message: The message.
    """
    content: Message = message.get("serverContent") or {}
    for part in (content.get("modelTurn") or {}).get("parts") or []:
        if "text" in part:
            yield Entry("says", part["text"], ends=False)
        elif "inlineData" in part:
            yield Entry("audio", None, ends=False)
    for field, what in _TRANSCRIPTIONS.items():
        if text := (content.get(field) or {}).get("text"):
            yield Entry(what, text, ends=False)
    for field, what in _SIGNALS.items():
        if content.get(field):
            yield Entry(what)
    for call in (message.get("toolCall") or {}).get("functionCalls") or []:
        arguments = json.dumps(call.get("args") or {})
        yield Entry("calls", f"{call.get('name')}({arguments}) {call.get('id') or ''}".rstrip())
    if "toolCallCancellation" in message:
        yield Entry("cancels", ", ".join(message["toolCallCancellation"].get("ids") or ["a call"]))
    if "goAway" in message:
        yield Entry("goes away", f"in {message['goAway'].get('timeLeft') or 'some time'}")
    if "sessionResumptionUpdate" in message:
        resumable = message["sessionResumptionUpdate"].get("resumable")
        yield Entry("sends a handle" if resumable else "sends no handle")


_TRANSCRIPTIONS: Final = {
    "outputTranscription": "speaks",
    "inputTranscription": "understood",
    "interimInputTranscription": "understands",
}

_SIGNALS: Final = {
    "interrupted": "is interrupted",
    "generationComplete": "completes the reply",
    "turnComplete": "ends the turn",
}


def _text(value: Any) -> str:
    """Write what was told: a text in quotes, media by its size, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str):
        return f'"{_cut(value)}"'.replace("\n", "\\n")
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
