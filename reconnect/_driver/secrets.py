"""Keeps handles out of errors, events and logs: a server may quote one in a close reason.

A handle is as good as a password for its conversation. An error is cleaned where it enters, in
place, so that everything that is made of it is clean: events, logs, tracebacks, chained errors.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any, Final

__all__ = ["Secrets"]

_HIDDEN: Final = "<handle>"

_REMEMBERED: Final = 1000
"""Handles that are remembered: some models issue two a second."""

_RECOGNISED: Final = 8
"""Characters by which the beginning of a handle is known again: close reasons arrive cut."""

_IN_A_FRAME: Final = re.compile(r"""(new_?handle["']?\s*[:=]\s*["'])[^"']+""", re.IGNORECASE)
"""A handle in a frame that could not be read, and so is not known to be one."""

_DEPTH: Final = 20
"""Errors of one chain that are looked at."""


class Secrets:
    """The handles of one session, the newest and those before it."""

    def __init__(self) -> None:
        self._handles: deque[str] = deque(maxlen=_REMEMBERED)

    def add(self, handle: str) -> None:
        """Remember a handle.

        Args:
            handle: What the server has issued, or the caller has brought.
        """
        if handle and (not self._handles or self._handles[-1] != handle):
            self._handles.append(handle)

    def hide(self, error: BaseException) -> None:
        """Remove all handles from an error, and from those it was raised from or during.

        Args:
            error: The error; it is changed in place.
        """
        seen: list[BaseException] = []
        pending: list[BaseException | None] = [error]
        while pending and len(seen) < _DEPTH:
            found = pending.pop()
            if found is None or any(found is other for other in seen):
                continue
            seen.append(found)
            self._clean(found)
            pending += [found.__cause__, found.__context__]
            if isinstance(found, BaseExceptionGroup):
                pending += found.exceptions

    def _clean(self, error: BaseException) -> None:
        for name, value in list(vars(error).items()):
            cleaned = self._without(value)
            if cleaned is not value:
                setattr(error, name, cleaned)
        arguments = tuple(self._without(value) for value in error.args)
        if any(new is not old for new, old in zip(arguments, error.args, strict=True)):
            error.args = arguments

    def _without(self, value: Any) -> Any:
        """Return a value without handles: itself, where it has none."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, (list, tuple)):
            parts = [self._without(part) for part in value]
            if all(new is old for new, old in zip(parts, value, strict=True)):
                return value
            return tuple(parts) if isinstance(value, tuple) else parts
        if isinstance(value, dict):
            cleaned = {key: self._without(part) for key, part in value.items()}
            return value if all(cleaned[key] is value[key] for key in value) else cleaned
        reason = getattr(value, "reason", None)
        if isinstance(reason, str) and (found := self.clean(reason)) is not reason:
            # The close frame of websockets, which is shared by all that is raised of it.
            value.reason = found
        return value

    def clean(self, text: str) -> str:
        """Return a text without handles: itself, where it has none.

        Args:
            text: Any text.
        """
        cleaned = _IN_A_FRAME.sub(rf"\g<1>{_HIDDEN}", text)
        for handle in self._handles:
            beginning, start = handle[:_RECOGNISED], 0
            while (at := cleaned.find(beginning, start)) >= 0:
                end = at + len(beginning)
                while end - at < len(handle) and cleaned[end : end + 1] == handle[end - at]:
                    end += 1
                start = at + 1
                # Whole, or cut by the end of the text; anything else only begins so.
                if end - at == len(handle) or end == len(cleaned):
                    cleaned = cleaned[:at] + _HIDDEN + cleaned[end:]
                    start = at + len(_HIDDEN)
        return text if cleaned == text else cleaned
