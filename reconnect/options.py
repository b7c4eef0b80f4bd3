"""What makes sense for many sessions, in one value: the arguments of a client of this library."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Literal

from ._checks import check_observer, checked_policy
from ._conversation.limits import CONVERSATION, MEDIA, Limit
from ._conversation.past import HISTORY_LIMIT
from .events import Event
from .gate import ReconnectGate
from .policy import Policy, ReconnectPolicy

__all__ = ["ReconnectOptions"]

_HIDDEN: Final = ("go_away", "session_resumption_update")


@dataclass(frozen=True, kw_only=True)
class ReconnectOptions:
    """How sessions are kept alive: what a client is given once for all that it opens.

    A history and a handle are a session's, and are not here: a handle in the configuration of a
    session resumes it.

    Args:
        policy: What decides about a loss.
        gate: What spaces the attempts of the sessions that share it; None to connect at once.
        on_event: Called with each event of `reconnect.events`; None for nobody.
        hide: Which messages of the server the caller is not shown: ``"go_away"`` and
            ``"session_resumption_update"``. By default a go_away: a framework that sees one hangs
            up at once, in the midst of a reply, and the session moves in time by itself.
        after_cut: What the caller is shown where a reply was cut and will be given anew.
            ``"same turn"``: ``interrupted``, and ``receive()`` goes on, for a loop that asks one
            question at a time. ``"own turn"``: ``interrupted`` and then ``turn_complete``, as the
            server does when somebody speaks, and the second reply is a turn of its own, for
            whatever plays audio. None for ``"own turn"`` where the model speaks, else the other.
        setup_timeout: Seconds that an attempt may take: to fetch the history and ``live``, and then
            to connect and set up.
        stall_timeout: Seconds that a send may wait for a server that reads nothing. Then the
            connection is given up, the send returns, and what it sent is held for the next one.
        audio_buffer: Seconds of audio that are kept during an outage; the oldest go first.
        buffer: How much is kept of typed turns, context and updates that no handle covers. Sending
            more waits, or raises `BufferOverflow`, by its ``full``.
        media_buffer: How much is kept of realtime input that finds no connection, or that no
            handle covers in transparent resumption. For more the oldest is dropped, or
            `BufferOverflow` is raised, by its ``full``.
        history_limit: How many characters a new session is sent at most, of ``history`` and of
            what was said since; the oldest turns go first.
        reuse_tool_results: Whether the result that was produced for a tool call that was lost is
            given to the model when it makes the same call again, without running the tool twice.
        continue_with: The text that asks the model for a reply that was cut, where the resumed
            session knows the turn, such as ``"Please go on."``, sent as realtime input; or a
            function of the model's name that returns one. None chooses by the model's name: the
            words of the question where the model takes no client content in a session
            (Gemini 3.1), elsewhere ``turn_complete`` without turns.
        resume_confirm_timeout: Seconds after a resume within which the server must have sent a
            ``session_resumption_update``, of whatever kind; else the handle counts as rejected.
            None for no such guard.

    Raises:
        TypeError: If ``on_event`` cannot be called or is async, or ``policy`` is no `Policy`, such
            as a class.
        ValueError: If a time is not positive, ``audio_buffer`` negative, ``history_limit`` below
            1, ``hide`` or ``after_cut`` none of those named, or a buffer is full in a way that its
            kind does not allow.
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
        if not self.setup_timeout > 0:
            raise ValueError(f"setup_timeout must be a positive time, got {self.setup_timeout!r}")
        if not self.stall_timeout > 0:
            raise ValueError(f"stall_timeout must be a positive time, got {self.stall_timeout!r}")
        if not self.audio_buffer >= 0:
            raise ValueError(f"audio_buffer must be a time from 0 up, got {self.audio_buffer!r}")
        if self.buffer.full == "drop":
            raise ValueError("buffer must wait or raise when it is full: no turn may be dropped")
        if self.media_buffer.full == "wait":
            raise ValueError("media_buffer must drop or raise when it is full: no microphone waits")
        if not self.history_limit >= 1:
            raise ValueError(
                f"history_limit must be 1 character or more, got {self.history_limit!r}"
            )
        timeout = self.resume_confirm_timeout
        if timeout is not None and not _is_positive(timeout):
            raise ValueError(
                "resume_confirm_timeout must be a positive time, or None for no limit,"
                f" got {timeout!r}"
            )
        if isinstance(self.hide, str) or not set(self.hide) <= set(_HIDDEN):
            raise ValueError(
                f"hide must be a collection of {' and '.join(map(repr, _HIDDEN))},"
                f" got {self.hide!r}"
            )
        if self.after_cut not in (None, "same turn", "own turn"):
            raise ValueError(
                "after_cut must be 'same turn' or 'own turn', or None to choose by modality,"
                f" got {self.after_cut!r}"
            )
        check_observer(self.on_event)
        checked_policy(self.policy)


def _is_positive(seconds: object) -> bool:
    """Tell whether something is a number above 0, which NaN is not."""
    return isinstance(seconds, int | float) and seconds > 0
