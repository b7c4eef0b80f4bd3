"""What a server message is: a part of a reply, its end, or more.

Pure. Messages are read by their attributes, without the SDK's types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["PART_OF_MESSAGE", "PART_OF_REPLY", "Received", "ends_turn"]

PART_OF_MESSAGE: Final = {"server_content"}
PART_OF_REPLY: Final = {"model_turn"}
"""The fields that are set in a message that is a piece of a reply and nothing else, and in its
content. Whoever reads compares them in place: a call for each piece of audio costs too much."""


@dataclass(slots=True)
class Received:
    """What a server message was, beside a part of a reply.

    Args:
        over: Whether it ends the turn.
        hidden: Whether the caller is not shown it: it answers what the caller did not ask.
        covered: Whether it brings a handle.
        unseen: Which of the tool calls in it the caller is not shown, by their order.
        left: The ids of tool calls of lost connections that nobody waits for any more.
        back: Whether a part of a reply was shown that will be given anew; then it is hidden.
    """

    over: bool = False
    hidden: bool = False
    covered: bool = False
    unseen: tuple[int, ...] = ()
    left: tuple[str, ...] = ()
    back: bool = False


def ends_turn(message: Any) -> bool:
    """Tell whether a message ends the turn, as the SDK's ``receive()`` does.

    On models that think on after a turn, ``interaction_status`` says whether they are idle;
    elsewhere it is ``turn_complete``.
    """
    content = message.server_content
    if content is None:
        return False
    status = getattr(content, "interaction_status", None)
    if status is not None and status.value != "INTERACTION_STATUS_UNSPECIFIED":
        return bool(status.value == "IDLE")
    return bool(content.turn_complete)
