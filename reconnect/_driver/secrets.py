"""Keeps handles and keys out of errors, events and logs: a server may quote one as it closes.

A handle is as good as a password for its conversation. An error is cleaned where it enters, in
place, so that everything that is made of it is clean: events, logs, tracebacks, chained errors.
"""

from __future__ import annotations

import contextlib
import re
import types
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from reconnect.errors import RemoteProtocolError

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["Secrets", "without_input"]

_HIDDEN: Final = "<handle>"
_KEY: Final = "<key>"

_REMEMBERED: Final = 1000
"""Handles, and keys, that are remembered: some models issue two handles a second."""

_RECOGNISED: Final = 8
"""Characters by which the beginning of a handle is known again: close reasons arrive cut."""

_IN_A_FRAME: Final = re.compile(
    r"""(new_?handle\\*["']?\s*[:=]\s*[\[{(]*\\*["'])[^"'\\]+""", re.IGNORECASE
)
"""A handle in a frame that could not be read, and so is not known to be one."""

_RECOGNISED_ANYWHERE: Final = 16
"""Characters by which it is known in the midst of a text, too."""

_TEXT_LIMIT: Final = 10_000
"""Characters of a text that are kept: a frame that cannot be read may be of any length."""

_DEPTH: Final = 20
"""Levels of what an error holds that are looked at: what refers to itself has no end."""


class Secrets:
    """The handles of one session, the newest and those before it, and the keys it connects with."""

    def __init__(self) -> None:
        self._handles: deque[str] = deque(maxlen=_REMEMBERED)
        # Apart, so that no number of handles pushes them out.
        self._keys: deque[str] = deque(maxlen=_REMEMBERED)

    def add(self, handle: str) -> None:
        """Remember a handle.

        Args:
            handle: What the server has issued, or the caller has brought. One that is shorter than
                any real one would be found in words.
        """
        _remember(self._handles, handle)

    def add_keys(self, keys: Iterable[str]) -> None:
        """Remember what a connection is made with: API keys, tokens and passwords.

        Args:
            keys: The keys. One that is shorter than any real one would be found in words.
        """
        for key in keys:
            if key in self._keys:
                # The same ones come with each connection.
                self._keys.remove(key)
            _remember(self._keys, key)

    def hide(self, error: BaseException) -> None:
        """Remove all secrets from an error, and from those it was raised from or during.

        It never raises: an error that cannot be changed is told without its text.
        """
        found, seen = [error], {id(error)}
        for each in found:
            # What it holds may be of any kind, and refuse to be looked at or to be changed.
            with contextlib.suppress(Exception):
                if isinstance(each, RemoteProtocolError):
                    _leave_out_input(each)
                self._clean(each)
            with contextlib.suppress(Exception):
                for other in _errors_in(each):
                    if id(other) not in seen:
                        seen.add(id(other))
                        found.append(other)

    def clean(self, text: str) -> str:
        """Return a text without secrets: itself, where it has none."""
        if len(text) > _TEXT_LIMIT:
            text = f"{text[:_TEXT_LIMIT]} ..."
        cleaned = _IN_A_FRAME.sub(rf"\g<1>{_HIDDEN}", text)
        # The longest first: one may begin as another.
        for secret in sorted([*self._handles, *self._keys], key=len, reverse=True):
            hidden = _KEY if secret in self._keys else _HIDDEN
            beginning, start = secret[:_RECOGNISED], 0
            while (at := cleaned.find(beginning, start)) >= 0:
                end = at + len(beginning)
                while end - at < len(secret) and cleaned[end : end + 1] == secret[end - at]:
                    end += 1
                start = at + 1
                # Whole, or cut; anything else only begins so.
                cut = end == len(cleaned) or end - at >= _RECOGNISED_ANYWHERE
                if cut or end - at == len(secret):
                    cleaned = cleaned[:at] + hidden + cleaned[end:]
                    start = at + len(hidden)
        return text if cleaned == text else cleaned

    def _clean(self, error: BaseException) -> None:
        for name in ["args", *vars(error), *_slots_of(error)]:
            # One that cannot be read leaves the others to be cleaned; the message of a group cannot
            # be changed, and is none of a server's.
            with contextlib.suppress(Exception):
                value = getattr(error, name, None)
                cleaned = self._without(value)
                if cleaned is not value:
                    # Past a `__setattr__` of its own, which may refuse.
                    BaseException.__setattr__(error, name, cleaned)

    def _without(self, value: Any, *, depth: int = _DEPTH) -> Any:
        """Return a value without secrets: itself, where it has none."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, (bytes, bytearray)):
            # Any bytes are text in this encoding, and no others.
            text = value.decode("latin-1")
            cleaned = self.clean(text)
            return value if cleaned is text else cleaned.encode("latin-1")
        if depth and isinstance(value, (list, tuple)):
            parts = [self._without(part, depth=depth - 1) for part in value]
            if all(new is old for new, old in zip(parts, value, strict=True)):
                return value
            return tuple(parts) if isinstance(value, tuple) else parts
        if depth and isinstance(value, dict):
            pairs = tuple(value.items())
            cleaned_pairs = self._without(pairs, depth=depth - 1)
            return value if cleaned_pairs is pairs else dict(cleaned_pairs)
        self._clean_shared(value)
        return value

    def _clean_shared(self, value: Any) -> None:
        """Remove all secrets from what websockets shares among all that it raises of it."""
        from websockets.datastructures import Headers
        from websockets.frames import Close
        from websockets.http11 import Response

        if isinstance(value, Close):
            value.reason = self.clean(value.reason)
        elif isinstance(value, Response):
            value.reason_phrase = self.clean(value.reason_phrase)
            value.body = self._without(value.body)
            headers = tuple(value.headers.raw_items())
            cleaned = self._without(headers)
            if cleaned is not headers:
                value.headers = Headers(cleaned)


def _remember(secrets: deque[str], secret: str) -> None:
    """Add a secret, unless it is the newest there is, or shorter than any real one."""
    if len(secret) >= _RECOGNISED and (not secrets or secrets[-1] != secret):
        secrets.append(secret)


def _errors_in(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors that are told with an error."""
    told = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for other in (error.__cause__, error.__context__, *told):
        if other is not None:
            yield other
    # Last, since it may fail over them.
    for value in (*vars(error).values(), *error.args):
        if isinstance(value, BaseException):
            yield value


def _slots_of(error: BaseException) -> Iterator[str]:
    """Yield the names of what an error holds beside its arguments and its dict."""
    for kind in type(error).__mro__:
        for name, value in vars(kind).items():
            if isinstance(value, types.MemberDescriptorType):
                yield name


def without_input(error: ValidationError) -> str:
    """Return what pydantic says is wrong, without what it is wrong with."""
    told = error.errors(include_url=False, include_context=False, include_input=False)
    problems = [f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in told]
    return f"{error.title}: {'; '.join(problems)}"


def _leave_out_input(error: RemoteProtocolError) -> None:
    """Let an error over a frame name what is wrong with the frame, and not what is in it.

    Pydantic's errors quote their input, and cannot be changed.
    """
    from pydantic import ValidationError

    found = error.__cause__
    if isinstance(found, ValidationError):
        error.__cause__ = ValueError(without_input(found))
        error.__cause__.__traceback__ = found.__traceback__
