"""The options that many sessions share, as a `ResumableClient` takes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from ._checks import check_gate, check_observer, check_wording, checked_policy
from ._conversation.limits import CONVERSATION, MEDIA, Limit
from ._conversation.past import HISTORY_LIMIT
from ._numbers import is_number
from .events import Event
from .gate import ReconnectGate
from .policy import Policy, ReconnectPolicy

__all__ = ["ReconnectOptions"]

_HIDDEN: Final = ("go_away", "session_resumption_update")


@dataclass(frozen=True, kw_only=True)
class ReconnectOptions:
    """The options of all sessions that a client opens.

    A history and a handle belong to a single session, so they are not options here. To resume a
    conversation, put its handle into the session's config.

    Args:
        policy: Decides what to do after a loss.
        gate: Limits the rate of attempts of all sessions that share it; None for no limit.
        on_event: Called with each event of `reconnect.events`; None for no callback.
        hide: Server messages that ``receive()`` does not yield: ``"go_away"`` and
            ``"session_resumption_update"``. The default hides go_away, because most frameworks hang
            up on it in the middle of a reply, and the session moves in time on its own.
        after_cut: What ``receive()`` yields when a reply is cut off and will come again.
            ``"same turn"``: ``interrupted``, and ``receive()`` goes on; for a loop that asks one
            question at a time. ``"own turn"``: ``interrupted`` and then ``turn_complete``, as when
            the user interrupts, and the second reply is a separate turn; for an audio player. None
            means ``"own turn"`` if the model replies in audio, and ``"same turn"`` otherwise.
        setup_timeout: Seconds that an attempt may take to fetch ``history`` and ``live``, and the
            same again to connect and complete the setup.
        stall_timeout: Seconds that a send waits for a server that does not read. After that the
            connection is dropped and the send returns; its message is kept for the next connection.
        audio_buffer: Seconds of audio to buffer in an outage; the oldest is dropped first.
        buffer: Limits the typed turns, context and updates that are kept until a handle covers
            them. When it is full, a send waits or raises `BufferOverflow`, depending on ``full``.
        media_buffer: Limits the realtime input that is kept in an outage and, with transparent
            resumption, until a handle covers it. When it is full, the oldest is dropped or
            `BufferOverflow` is raised, depending on ``full``.
        history_limit: The most characters to send to a new session, counting both ``history`` and
            what was said since; the oldest turns are left out first.
        reuse_tool_results: Whether to answer a repeated tool call with the result of the lost one,
            so that the tool does not run twice.
        continue_with: How to request a reply that was cut off if the resumed session knows the
            question: a text such as ``"Please go on."``, sent as realtime input, or a function that
            takes the model's name and returns a text or None. None chooses by the model's name: the
            text of the question if the model accepts no client content in a running session (Gemini
            3.1), otherwise ``turn_complete`` without turns.
        resume_confirm_timeout: Seconds after a resume within which the server must send a
            ``session_resumption_update`` of any kind; otherwise the handle counts as rejected. None
            disables the check.

    Raises:
        TypeError: If ``on_event`` is not callable or is async, ``policy`` is not a `Policy` (for
            example, a class), ``gate`` is not a gate, a buffer is not a `Limit`, or
            ``continue_with`` is neither a text nor a plain function.
        ValueError: If a time is not positive, ``audio_buffer`` is negative, ``history_limit`` is
            below 1, ``hide`` or ``after_cut`` has an unknown value, ``full`` has a value that this
            buffer does not allow, or ``continue_with`` is blank.
    """

    policy: Policy = field(default_factory=ReconnectPolicy)
    gate: ReconnectGate | None = None
    on_event: Callable[[Event], object] | None = None
    # What the caller is shown
    hide: Collection[str] = ("go_away",)
    after_cut: Literal["same turn", "own turn"] | None = None
    # Limits
    setup_timeout: float = 10.0
    stall_timeout: float = 10.0
    audio_buffer: float = 3.0
    buffer: Limit = CONVERSATION
    media_buffer: Limit = MEDIA
    history_limit: int = HISTORY_LIMIT
    # Resumption
    reuse_tool_results: bool = True
    continue_with: str | Callable[[str], str | None] | None = None
    resume_confirm_timeout: float | None = None

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_limits()
        if self.after_cut not in (None, "same turn", "own turn"):
            raise ValueError(
                "after_cut must be 'same turn' or 'own turn', or None to choose by modality,"
                f" got {self.after_cut!r}"
            )
        # Kept as it is now: the caller may change its set, and an iterator is good for one session.
        object.__setattr__(self, "hide", _checked_hide(self.hide))
        check_gate(self.gate)
        check_wording(self.continue_with)
        check_observer(self.on_event)
        checked_policy(self.policy)

    def _check_numbers(self) -> None:
        for name in ("setup_timeout", "stall_timeout"):
            timeout = getattr(self, name)
            if not (is_number(timeout) and timeout > 0):
                raise ValueError(f"{name} must be a positive number of seconds, got {timeout!r}")
        if not (is_number(self.audio_buffer) and self.audio_buffer >= 0):
            raise ValueError(f"audio_buffer must be 0 or more seconds, got {self.audio_buffer!r}")
        if not (is_number(self.history_limit) and self.history_limit >= 1):
            raise ValueError(
                f"history_limit must be at least 1 character, got {self.history_limit!r}"
            )
        timeout = self.resume_confirm_timeout
        if timeout is not None and not (is_number(timeout) and timeout > 0):
            raise ValueError(
                "resume_confirm_timeout must be a positive number of seconds, or None for no check,"
                f" got {timeout!r}"
            )

    def _check_limits(self) -> None:
        for name in ("buffer", "media_buffer"):
            limit: object = getattr(self, name)
            if not isinstance(limit, Limit):
                raise TypeError(f"{name} must be a Limit, got {limit!r}")
        if self.buffer.full == "drop":
            raise ValueError(
                "buffer takes full='wait' or full='raise', since no turn may be dropped"
            )
        if self.media_buffer.full == "wait":
            raise ValueError(
                "media_buffer takes full='drop' or full='raise', since no microphone may wait"
            )


def _checked_hide(hide: object) -> frozenset[str]:
    names = None if isinstance(hide, str) or not isinstance(hide, Iterable) else list(hide)
    # Not as sets, for which all would have to be hashable.
    if names is None or not all(name in _HIDDEN for name in names):
        raise ValueError(
            f"hide must be a collection of {' and '.join(map(repr, _HIDDEN))}, got {hide!r}"
        )
    return frozenset(names)
