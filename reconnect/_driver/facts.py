"""The facts of a session: what was said, what has failed, when to leave, what its gaps have cost.

Pure: the time comes in as ``now``, in seconds. A gap begins with a loss or a move, and ends when
the next connection is up to date, or with the session. What is lost is said as plainly as what was
saved: a restored state is never claimed where something is missing.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, TypeVar

from reconnect._conversation.conversation import Conversation, Losses
from reconnect._conversation.media import Media
from reconnect._conversation.models import ends_turns, takes_content
from reconnect._conversation.outbox import Outbox
from reconnect._failures.classify import FailureKind
from reconnect.errors import SessionClosed
from reconnect.events import AudioDropped, Closed, Continuity, GaveUp, Restarted, Resumed, Stats
from reconnect.policy import Outage, Restart, Resume

from .config import announces_history
from .departure import Departure

if TYPE_CHECKING:
    from reconnect._failures.loss import Loss, Phase

    from .settings import Settings

__all__ = ["Facts"]

_Costs = TypeVar("_Costs", bound=Continuity)


class Facts:
    """The facts of one session, over all its connections.

    Args:
        settings: What the session was made with.
    """

    def __init__(self, settings: Settings) -> None:
        options = settings.options
        self.media = Media(seconds=options.audio_buffer, limit=options.media_buffer)
        self.conversation = Conversation(
            handle=settings.handle,
            reuse_tool_results=options.reuse_tool_results,
            index_base=settings.index_base,
            announced=announces_history(settings.config),
            turns=ends_turns(settings.model),
            content=takes_content(settings.model),
            continue_with=settings.continue_with,
            limit=options.buffer,
            history_limit=options.history_limit,
            audio=lambda: self.media.line.progress,
        )
        self.outbox = Outbox(self.conversation, self.media)
        self.departure = Departure(confirm_timeout=options.resume_confirm_timeout)
        limit = getattr(options.policy, "max_reconnects_per_hour", None)
        self.outage = Outage(max_reconnects_per_hour=limit)
        # How often the server found what a new session was sent too long.
        self.halvings = 0
        # What all gaps have cost that are over, and the one that is open.
        self._stats = Stats()
        self._gap = Continuity()
        # When that began, and how many attempts there had been: their count goes on from gap to gap
        # until a connection proves itself. None while nothing is lost.
        self._began: tuple[float, int] | None = None

    @property
    def stats(self) -> Stats:
        """The sums since the start, and what was dropped since the last gap was over."""
        return _plus(self._stats, lost_audio=self.media.dropped)

    def began(self) -> None:
        """Note the first connection of all: the attempts before it are no gap."""
        self._began = None

    def lost(self, error: BaseException, now: float, *, phase: Phase, closing: bool) -> Loss:
        """Note a lost connection, or an attempt that failed; return all that is known about it.

        Args:
            error: The exception.
            now: The time in seconds.
            phase: How far the connection had come.
            closing: Whether the caller has asked to close.
        """
        loss = self.outage.lost(
            error,
            now=now,
            phase=phase,
            handle=self.conversation.handle is not None,
            go_away=self.departure.go_away is not None,
            closing=closing,
        )
        if self._began is None:
            self._began = now, self.outage.attempt - 1
        return loss

    def cut_off(self) -> Losses:
        """Note that a connection is gone; return what it took from the caller."""
        cut = self.outbox.lost()
        self._cost(turns=cut.turns, calls=len(cut.calls))
        return cut

    def decided(self, decision: Resume | Restart, kind: FailureKind) -> None:
        """Note what is done about a loss."""
        self.halvings += kind is FailureKind.CONTEXT_EXHAUSTED
        if isinstance(decision, Restart):
            self._cost(turns=self.outbox.restarted())

    def back(self, now: float) -> Resumed | Restarted:
        """Note that the next connection is up to date; return what is told of the gap."""
        replay = self.outbox.replay
        gap = self._over(
            now,
            replayed=replay.messages,
            maybe_twice=replay.maybe_twice,
            continued=replay.continued,
            forgotten=replay.forgotten,
            lost_audio=self.media.forget_dropped(),
        )
        return Resumed(gap) if self.conversation.line.resumed else Restarted(gap, replay.told)

    def dropped(self) -> AudioDropped | None:
        """Return what is told of audio that was dropped since the last gap; None for none."""
        dropped = self.media.forget_dropped()
        self._stats = _plus(self._stats, lost_audio=dropped)
        return AudioDropped(dropped) if dropped else None

    def ended(self, error: Exception, now: float) -> Closed | GaveUp:
        """Note that the session is over; return what is told of it."""
        owed = self.conversation.owed
        if isinstance(error, SessionClosed):
            return Closed(owed)
        lost, uncovered = self.media.give_up()
        self.media.forget_dropped()
        self._gap = _plus(self._gap, lost_turns=owed, uncovered_audio=uncovered)
        return GaveUp(error, self._over(now, lost_audio=lost))

    def _cost(self, *, turns: int, calls: int = 0) -> None:
        """Note what a lost connection took with it: turns, calls, and audio that no session has."""
        uncovered = self.media.forget_uncovered()
        self._gap = _plus(self._gap, lost_turns=turns, lost_calls=calls, uncovered_audio=uncovered)

    def _over(self, now: float, **costs: float) -> Continuity:
        """End the gap that is open, and return what it did to the conversation."""
        attempts = self.outage.attempt - 1
        # A move before a deadline is no outage, and needs no attempt.
        since, before = self._began or (now, attempts)
        gap = _plus(self._gap, attempts=attempts - before, outage=now - since, **costs)
        self._gap, self._began = Continuity(), None
        self._stats = _plus(self._stats, gaps=1, **asdict(gap))
        return gap


def _plus(known: _Costs, **costs: float) -> _Costs:
    """Return costs with others added to them."""
    return replace(known, **{name: getattr(known, name) + cost for name, cost in costs.items()})
