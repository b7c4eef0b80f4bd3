"""What the tests make of the recorded sessions of the real server."""

import tomllib
from pathlib import Path
from typing import Any

from reconnect.testing import PROFILES, Call, Unspoken

FILE = Path(__file__).parent / "data" / "recorded_orders.toml"
RECORDINGS: list[dict[str, Any]] = tomllib.loads(FILE.read_text())["recording"]

STREAMS = {name for name, profile in PROFILES.items() if profile.stream != "none"}

CODE = {"serverContent": {"modelTurn": {"parts": [{"executableCode": {"code": "f()"}}]}}}
THOUGHT = {"serverContent": {"modelTurn": {"parts": [{"text": "hm", "thought": True}]}}}


def frames_of(order: str) -> list[str]:
    """Give the frames of an order one by one."""
    found: list[str] = []
    for word in order.split():
        frame, _, times = word.partition("*")
        found += [frame] * int(times or 1)
    return found


def part_of(name: str, said: str) -> Any:
    """Give a part of a reply by its name, which says these words if it says any."""
    match name:
        case "call":
            return Call("f")
        case "code":
            return CODE
        case "nothing":
            return ""
        case "thought":
            return THOUGHT
        case "unspoken":
            return Unspoken(said)
        case _:
            return said
