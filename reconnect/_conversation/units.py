"""What is to be written to a connection, exchange by exchange, and in which words.

Pure: it reads the exchanges and changes none. Where the reply is over, what the session may lack of
question and reply is replayed, and asks nothing. Where it is owed, what the session may lack of the
question is sent again, and if it has what asks in it the model is asked to continue.

Gemini 3.1 takes no client content in a session, but for the history that is announced: what must
be said again there goes as realtime text, and what is over, and so asks for nothing, cannot be
replayed at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .exchanges import CONTENT, REALTIME, Call, Exchange, Input, Kept, Known
from .transcript import model_turn, words_of

__all__ = ["Unit", "Wording"]

_CONTINUE: Final = "Please continue."
"""What asks such a model to continue where nobody has the words of the question."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that is to be written to this connection.

    Args:
        place: Its place among all that the caller sent.
        call: The message; None for speech whose audio was written again.
        exchange: The exchange that it belongs to.
        inputs: The inputs that the session has with it.
        continues: Whether it asks the model to continue.
    """

    place: int
    call: Call | None
    exchange: Exchange
    inputs: tuple[Input, ...]
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Wording:
    """In which form things are said again.

    Args:
        content: Whether the model takes client content in the midst of a session.
        continue_with: The text that asks it to continue; None for what it takes by itself:
            ``turn_complete`` without turns, or else the words of the question.
    """

    content: bool
    continue_with: str | None

    def unwritten(self, exchanges: Sequence[Exchange]) -> list[Unit]:
        """Return what this connection has not been sent, in order."""
        units: list[Unit] = []
        for exchange in exchanges:
            if not exchange.over:
                units += self._asking(exchange)
            elif not exchange.kept:
                units += self._telling(exchange)
        return sorted(units, key=lambda unit: unit.place)

    def untold(self, exchange: Exchange) -> bool:
        """Tell whether an exchange would be replayed, and the model takes no such message."""
        return not (self.content or not exchange.over or exchange.kept) and any(
            unit.call is not None and unit.call.method == CONTENT
            for unit in self._telling(exchange)
        )

    def _asking(self, exchange: Exchange) -> list[Unit]:
        """Return what is to be written for an exchange whose reply is owed."""
        # What goes on without being asked must not be interrupted by the question.
        goes_on = exchange.begun is not None and exchange.continued
        units = [
            Unit(item.place, self._words(item), exchange, (item,))
            for item in exchange.inputs
            if item.index is None and item.known is not Known.YES
            if not (goes_on and item.known is Known.MAYBE)
            if item.audio or self._words(item) is not None
        ]
        asked = any(item.asks and item.index is not None for item in exchange.inputs)
        asking = any(item.asks for unit in units for item in unit.inputs)
        begun = exchange.begun is not None or exchange.continued
        if asking or begun or (asked and not exchange.again):
            return units
        call = self._continuing(exchange)
        return [*units, Unit(exchange.place, call, exchange, (), continues=True)]

    def _continuing(self, exchange: Exchange) -> Call:
        """Return what asks the model to continue."""
        text = self.continue_with
        if text is None and not self.content:
            asked = [turn for item in exchange.inputs for turn in item.turns]
            text = words_of(asked) or _CONTINUE
        return Call(REALTIME, {"text": text}) if text else Call(CONTENT, {"turn_complete": True})

    def _telling(self, exchange: Exchange) -> list[Unit]:
        """Return what is to be written for an exchange that is over."""
        items = [it for it in exchange.inputs if it.index is None and it.known is not Known.YES]
        if not exchange.asks:
            # Context and updates go as they came.
            return [Unit(item.place, item.call, exchange, (item,)) for item in items]
        told = [(said, [turn for it in said for turn in it.turns]) for said in _unparted(items)]
        if exchange.reply and exchange.kept is not Kept.HANDLE:
            if items[-1:] != exchange.inputs[-1:]:
                # The reply alone has the number of its last question: a handle may cross it.
                told.append((exchange.inputs[-1:], []))
            told[-1][1].append(model_turn(exchange.reply))
        return [
            Unit(
                said[-1].place,
                Call(CONTENT, {"turns": turns, "turn_complete": False}),
                exchange,
                tuple(said),
            )
            for said, turns in told
            if turns
        ]

    def _words(self, item: Input) -> Call | None:
        """Return what is written for an input that asks; None for speech whose audio is written."""
        call = item.call
        if call is None and item.turns and not item.audio:
            call = Call(CONTENT, {"turns": item.turns, "turn_complete": True})
        if call is None or self.content or call.method != CONTENT:
            return call
        text = words_of(call.turns)
        return Call(REALTIME, {"text": text}) if text else call


def _unparted(items: list[Input]) -> list[list[Input]]:
    """Return inputs in groups, each of what was said with nothing between, such as audio."""
    groups: list[list[Input]] = []
    for item in items:
        if groups and item.place == groups[-1][-1].place + 1:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups
