"""What is known of a model by its name alone."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ends_turns", "takes_content"]

_WITHOUT_CONTENT: Final = re.compile(r"(^|/)gemini-3\.1(-|$)")
"""They refuse client content in the midst of a session (1007)."""

_WITHOUT_TURNS: Final = re.compile(r"translat|transcri")
"""They reply to all that they hear, and end no turn: nobody waits for a reply."""


def takes_content(model: str) -> bool:
    """Tell whether a model takes client content in the midst of a session."""
    return _WITHOUT_CONTENT.search(model) is None


def ends_turns(model: str) -> bool:
    """Tell whether the turns of a model ever end."""
    return _WITHOUT_TURNS.search(model) is None
