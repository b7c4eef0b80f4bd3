"""The driver: opens one connection after the other, until the session ends.

Pure modules decide, and `Facts` has all that is known: what is left for this file is to wait, to
close and to tell. An `Attempt` connects, a `Writer` writes, and the `Reader` reads. One task, the
supervisor, lives as long as the session: however it ends, the session ends with it, and whoever
waits is raised why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from reconnect._checks import checked_decision
from reconnect._conversation.models import ends_turns
from reconnect._failures.classify import classify
from reconnect._failures.loss import Loss, Phase
from reconnect.errors import SessionClosed
from reconnect.events import Connected, GoingAway, Lost, Retrying
from reconnect.policy import Raise

from . import own, sdk
from .advice import advice
from .attempt import Attempt
from .config import asks_for_audio
from .connection import Connection
from .facts import Facts
from .observer import Observer, new_name
from .reader import Reader
from .secrets import Secrets
from .sender import Sender
from .settings import Settings
from .waiting import gate_for, hurried
from .writer import Writer

if TYPE_CHECKING:
    from types import TracebackType

    from google.genai import types

__all__ = ["Driver"]

CLOSE_TIMEOUT: Final = 5.0
"""Seconds to wait for the server to acknowledge a close; it takes up to three."""


class Driver:
    """Keeps one session connected.

    Args:
        settings: What the session was made with.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._options = options = settings.options
        self.facts = Facts(settings)
        self.conversation = self.facts.conversation
        self._outbox = self.facts.outbox
        self._departure = self.facts.departure
        self._secrets = Secrets()
        self._secrets.add(settings.handle or "")
        self.name = new_name()
        self._observer = Observer(options.on_event, model=settings.model, session=self.name)
        self.sender = Sender(
            self.conversation,
            self._outbox,
            check_usable=self._check_usable,
            log=self._observer.log,
        )
        self._hide = frozenset(options.hide)
        self.reader = Reader(
            self.conversation,
            take=self._take_and_hide if self._hide else self._take,
            check_open=self._check_open,
            broken=self._end,
        )
        # The newest connection; None until there is one.
        self.connection: Connection | None = None
        self._supervisor: asyncio.Task[None] | None = None
        # What has ended the session, and where it was raised.
        self._error: Exception | None = None
        self._traceback: TracebackType | None = None
        # Set when the session can be used, or has ended; and when the supervisor is to look again.
        self._opened = asyncio.Event()
        self._wake = asyncio.Event()

    # The caller's side

    async def open(self) -> None:
        """Open the first connection; return when the caller can write to it."""
        if self._supervisor is not None or self._error is not None:
            raise RuntimeError("a ResumableSession can be entered only once; create a new one")
        self._supervisor = asyncio.create_task(self._supervise(), name="reconnect supervisor")
        self._supervisor.add_done_callback(self._supervised)
        try:
            await self._opened.wait()
        except asyncio.CancelledError:
            self._end(own.Closed("the session was cancelled while it opened"))
            raise
        self._check_open()

    async def close(self, *, timeout: float = CLOSE_TIMEOUT) -> None:
        """End the session for good.

        Args:
            timeout: Seconds to wait at most for the server to acknowledge.
        """
        self._end(own.Closed("the session was closed by its owner"))
        if self._supervisor is None:
            return
        if self.connection is not None:
            await self._retire(self.connection, timeout=timeout)
        self.reader.close()
        if self._supervisor is not asyncio.current_task():
            await asyncio.wait({self._supervisor}, timeout=timeout)

    def abandon(self) -> bool:
        """End a session that nobody holds any more, from whichever thread finds it so.

        Return whether it was open.
        """
        loop = None if self._supervisor is None else self._supervisor.get_loop()
        if self._error is not None or loop is None or loop.is_closed():
            return False
        loop.call_soon_threadsafe(self._abandoned)
        return True

    def _abandoned(self) -> None:
        self._end(own.Closed("the session was garbage before it was closed"))
        self.reader.close()

    @property
    def session(self) -> Any:
        """The newest session of the SDK's; None where there is none yet."""
        return None if self.connection is None else self.connection.session

    @property
    def state(self) -> str:
        """How it is with the session, in a word or a few."""
        if self._error is not None:
            return f"ended by {type(self._error).__name__}"
        if self.connection is None:
            return "new"
        return "connected" if self.connection.alive else "reconnecting"

    def check_entered(self) -> None:
        """Raise if the session is used before it is opened: it would wait for ever."""
        if self._supervisor is None and self._error is None:
            raise RuntimeError("the session is not open; use it inside `async with`")

    def _check_usable(self) -> None:
        self.check_entered()
        self._check_open()

    def _check_open(self) -> None:
        """Raise what has ended the session, if it has ended."""
        if self._error is not None:
            # Raised again and again, it would collect a traceback without end.
            raise self._error.with_traceback(self._traceback)

    # Reading

    def _take(self, message: types.LiveServerMessage) -> Sequence[types.LiveServerMessage] | None:
        """Show a message to the pure modules; return what the caller is shown in its place."""
        update = message.session_resumption_update
        if update is not None:
            # Before the conversation, to which an update without a handle is nothing.
            self._departure.confirmed()
            self._secrets.add(update.new_handle or "")
        reading = self.conversation.received(message)
        if reading is None:
            return None
        if message.go_away is not None:
            self._go_away(message.go_away.time_left)
        if self._departure.pending:
            # The supervisor looks again whether to leave.
            self._wake.set()
        if reading.over:
            self.facts.outage.proved()
        if reading.covered:
            self._outbox.covered()
        self.sender.flush()
        if not (reading.hidden or reading.unseen or reading.left):
            return None
        shown = [] if reading.hidden else sdk.without_calls(message, reading.unseen)
        if reading.back:
            shown = [own.interruption()]
        return [own.cancellation(reading.left), *shown] if reading.left else shown

    def _take_and_hide(
        self, message: types.LiveServerMessage
    ) -> Sequence[types.LiveServerMessage] | None:
        """Do as `_take` does, and leave out what the caller is not to see."""
        shown = self._take(message)
        if message.model_fields_set.isdisjoint(self._hide):
            return shown
        return sdk.without([message] if shown is None else shown, self._hide)

    def _go_away(self, time_left: str | None) -> None:
        said = None if time_left is None else self._secrets.clean(time_left)
        announced = self._departure.announced(self._now(), said, draw=self._settings.draw())
        if not announced.readable:
            self._observer.log(
                logging.WARNING,
                f"go_away has no time_left that can be read ({announced.announced!r}): taken for"
                f" {announced.notice:.0f} s",
            )
        self._observer.keep(GoingAway(time_left=announced.notice, announced=announced.announced))
        if self.connection is not None and self.connection.ready:
            self._observer.catch_up()

    # The supervisor's side

    async def _supervise(self) -> None:
        """Keep a connection open until the session ends."""
        try:
            while self._error is None:
                loss = await self._live_through_one()
                if loss is not None and self._error is None:
                    await asyncio.sleep(self._react(loss))
        finally:
            if self.connection is not None:
                self.connection.release()

    def _supervised(self, supervisor: asyncio.Task[None]) -> None:
        """End the session with its supervisor, however that has ended: a bug included."""
        failed = None if supervisor.cancelled() else supervisor.exception()
        if failed is None:
            failed = asyncio.CancelledError("the supervisor was cancelled")
        self._end(failed)

    async def _connect(self) -> Connection | Loss:
        """Connect; return the connection or its loss."""
        attempt = Attempt(self._settings, self.facts, self._secrets)
        self.facts.outage.connecting(self._now(), resumed=attempt.resumed)
        self._departure.connecting(self._now())
        try:
            await attempt.fetch()
        except Exception as error:
            # The caller's own code: a history or a token that cannot be fetched now.
            return self._lose(error, phase=Phase.CONNECT)
        self.sender.connecting(vertexai=attempt.vertexai)
        try:
            self._check_open()
            connection = await attempt.connect(over=self._over)
        except Exception as error:
            readable = sdk.readable(error, connecting=True)
            return self._lose(readable, phase=sdk.phase_of(readable))
        self.connection = connection
        attempt.connected(self._now())
        return connection

    def _over(self) -> None:
        """Note that a connection is over: what is sent is held, and the supervisor goes on."""
        if self.connection is not None and self.connection.error is not None:
            self.sender.hold()
        self._wake.set()

    async def _live_through_one(self) -> Loss | None:
        """Open, hold and close one connection; return its loss, or None if the session moves on."""
        first = self.connection is None
        async with gate_for(self._options.gate):
            connection = await self._connect()
        if isinstance(connection, Loss):
            return connection
        if first:
            self.facts.began()
            self._observer.tell(Connected(resumed=self.conversation.line.resumed))
            config, turns = self._settings.config, ends_turns(self._settings.model)
            for text in advice(config, audio=asks_for_audio(config), turns=turns):
                self._observer.log(logging.INFO, text)
        self.reader.follow(connection)
        writer = self.sender.writer = Writer(
            connection,
            self._outbox,
            stall_timeout=self._options.stall_timeout,
            up_to_date=partial(self._up_to_date, connection, first=first),
            caught_up=self.reader.caught_up,
            tell=self._observer.tell,
            broken=self._end,
        )
        try:
            writer.start()
            loss = await self._hold_open(connection)
        finally:
            writer.stop()
            self.sender.writer = None
        await self._retire(connection, timeout=CLOSE_TIMEOUT)
        if loss is None:
            loss = self.facts.outage.moved(self._now())
        if loss is not None:
            return self._lose(loss, phase=Phase.SESSION)
        self._cut_off()
        return None

    async def _hold_open(self, connection: Connection) -> BaseException | None:
        """Wait until a connection is lost, and return why, or until it is to be left: None."""
        while connection.error is None:
            leave = self._departure.leave(
                quiet=self._outbox.quiet, handle=self.conversation.handle is not None
            )
            if leave is not None and self._now() >= leave.at:
                if leave.error is None:
                    return None
                connection.fail(leave.error)
                continue
            try:
                async with asyncio.timeout_at(None if leave is None else leave.at):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()
        return connection.error

    def _up_to_date(self, connection: Connection, *, first: bool) -> None:
        """Tell how the session came to the connection it has, now that it may be used."""
        if self.sender.direct:
            self._opened.set()
        if not connection.ready:
            connection.ready = True
            if not first:
                self._observer.tell(self.facts.back(self._now()))
            self._observer.catch_up()
        elif self.sender.direct and (dropped := self.facts.dropped()) is not None:
            self._observer.tell(dropped)

    def _lose(self, error: BaseException, *, phase: Phase) -> Loss:
        self._secrets.hide(error)
        closing = isinstance(self._error, SessionClosed)
        return self.facts.lost(error, self._now(), phase=phase, closing=closing)

    def _react(self, loss: Loss) -> float:
        """Carry out what the policy decides; return the seconds until the next attempt."""
        kind = classify(loss)
        self._observer.catch_up()
        self._observer.tell(Lost(loss.error, kind, loss.phase, loss.age))
        attempt = self.facts.outage.attempt
        elapsed = self.facts.outage.elapsed(self._now())
        policy = self._options.policy
        decision = policy.decide(loss, attempt=attempt, elapsed=elapsed, draw=self._settings.draw())
        decision = checked_decision(decision, policy)
        decision = hurried(decision, attempt=attempt, elapsed=elapsed, error=loss.error)
        if isinstance(decision, Raise):
            raise decision.error
        self._cut_off()
        self.facts.decided(decision, kind)
        fresh = self.conversation.handle is None
        self._observer.tell(Retrying(delay=decision.delay, attempt=attempt, why=kind, fresh=fresh))
        return decision.delay

    def _cut_off(self) -> None:
        """Tell the caller what the connection that is gone took with it."""
        cut = self.facts.cut_off()
        self.sender.flush()
        if cut.calls:
            self.reader.show(own.cancellation(cut.calls))
        if cut.reply or cut.overtaken:
            self.reader.show(own.interruption())
        if cut.ended or (cut.reply and self._options.after_cut == "own turn"):
            self.reader.show(own.turn_end())

    # The end

    async def _retire(self, connection: Connection, *, timeout: float) -> None:
        """Close a connection, and read it to its end."""
        connection.release()
        self.reader.listen()
        await connection.close(timeout=timeout)

    def _end(self, error: BaseException) -> None:
        """End the session: whoever uses it from now on is raised the error."""
        if self._error is not None:
            return
        self._error = own.ending(error)
        self._secrets.hide(self._error)
        self._traceback = self._error.__traceback__
        if self._supervisor is not None and self._supervisor is not asyncio.current_task():
            self._supervisor.cancel()
        self.sender.hold()
        self._observer.keep(self.facts.ended(self._error, self._now()))
        self._opened.set()
        self.sender.flush()
        self.reader.end()
        self._observer.catch_up()

    # Small things

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
