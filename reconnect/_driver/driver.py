"""The driver: carries out what the pure modules decide.

`Ledger` and `Outbox` know the conversation, `Outage` what has failed, `Departure` when to leave a
connection, `ReconnectPolicy` what a loss calls for. What is left for this file is to dial, wait,
close and tell; a `Writer` writes, and the `Reader` reads. One task, the supervisor, lives as long
as the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconnect._conversation.ledger import Ledger
from reconnect._conversation.limits import Limit
from reconnect._conversation.outbox import Outbox
from reconnect._conversation.transcript import as_turns
from reconnect._conversation.turns import Call
from reconnect._failures.classify import FailureKind, classify
from reconnect._failures.loss import Family, Loss, Phase, read
from reconnect.errors import SessionClosed
from reconnect.events import (
    Connected,
    Event,
    GaveUp,
    GoingAway,
    Lost,
    Restarted,
    Resumed,
    Retrying,
    Stats,
)
from reconnect.gate import ReconnectGate
from reconnect.policy import Outage, Raise, ReconnectPolicy, Restart

from . import sdk as _sdk
from .account import Account
from .bell import Bell
from .connection import Connection
from .departure import Departure
from .ending import Ending
from .reader import Reader
from .telling import Teller
from .writer import Writer

if TYPE_CHECKING:
    from google.genai import types

__all__ = ["CLOSE_TIMEOUT", "Driver", "Settings"]

logger = logging.getLogger("reconnect")

CLOSE_TIMEOUT: Final = 5.0
"""Seconds to wait for the server to acknowledge a close; it takes up to three."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Settings:
    """What a session was made with; see `reconnect.ResumableSession`.

    It has no repr: the configuration may hold a handle.
    """

    live: Any
    model: str
    config: types.LiveConnectConfig
    policy: ReconnectPolicy
    history: list[Any] | Callable[[], Any]
    on_event: Callable[[Event], object] | None
    setup_timeout: float
    audio_buffer: float
    buffer: Limit
    media_buffer: Limit
    history_limit: int
    reuse_tool_results: bool
    index_base: int
    ask_on: str | None
    draw: Callable[[], float]
    gate: ReconnectGate | None = None
    resume_confirm_timeout: float | None = None


class Driver:
    """Keeps one session connected.

    Args:
        settings: What the session was made with.
        handle: The handle of a conversation of an earlier process; None to begin.
    """

    def __init__(self, settings: Settings, *, handle: str | None) -> None:
        self.ledger = Ledger(
            handle=handle,
            reuse_tool_results=settings.reuse_tool_results,
            index_base=settings.index_base,
            ask_on=settings.ask_on,
            limit=settings.buffer,
            history_limit=settings.history_limit,
        )
        self._outbox = Outbox(
            self.ledger, audio_buffer=settings.audio_buffer, limit=settings.media_buffer
        )
        self.writer: Writer | None = None
        self.connection: Connection | None = None
        self.ending = Ending()
        self._vertexai = False
        self._settings = settings
        limit = getattr(settings.policy, "max_reconnects_per_hour", None)
        self._outage = Outage(max_reconnects_per_hour=limit)
        self._departure = Departure(confirm_timeout=settings.resume_confirm_timeout)
        self._resumed = False
        self._halvings = 0
        self._account = Account()
        self._bell = Bell()
        self._wake = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._connected_once = False
        self._teller = Teller(settings.on_event, secret=lambda: self.ledger.handle)
        self.reader = Reader(take=self._take, bell=self._bell, ending=self.ending, broken=self._end)

    # The caller's side

    async def open(self) -> None:
        """Open the first connection; return when its setup is complete."""
        if self._supervisor is not None or self.ending.error is not None:
            raise RuntimeError("a ResumableSession is entered once; make another for another call")
        self._supervisor = asyncio.create_task(self._supervise(), name="reconnect supervisor")
        try:
            while self.connection is None:
                self.ending.check()
                await self._bell.wait()
        except asyncio.CancelledError:
            self._end(SessionClosed("the session was cancelled while it opened"))
            raise

    async def close(self, *, timeout: float) -> None:
        """End the session for good.

        Args:
            timeout: Seconds to wait at most for the server to acknowledge.
        """
        self._end(SessionClosed("the session was closed by its owner"))
        if self._supervisor is None:
            return
        if self.connection is not None:
            await self._retire(self.connection, timeout=timeout)
        self.reader.close()
        await asyncio.wait({self._supervisor}, timeout=timeout)

    async def converse(self, call: Call) -> None:
        """Send a message that belongs to the conversation: the ledger holds it until it is safe.

        Args:
            call: The message.
        """
        self.check_entered()
        _sdk.check_call(call)
        self.ending.check()
        while not self.ledger.backlog.has_room(call, resumable=self.ledger.handle is not None):
            await self._bell.wait()
            self.ending.check()
        self.ledger.backlog.record(call)
        self._flush()

    def hold(self, arguments: dict[str, Any]) -> None:
        """Take over realtime input that cannot be written at once: a microphone never waits.

        Args:
            arguments: Those of ``send_realtime_input``.
        """
        self.check_entered()
        self.ending.check()
        _sdk.check_input(arguments)
        self._outbox.hold(arguments)
        self._flush()

    async def answer(self, function_responses: Any) -> None:
        """Send results of tool calls, as far as somebody waits for them.

        Args:
            function_responses: What ``send_tool_response`` takes.
        """
        self.check_entered()
        self.ending.check()
        results = _sdk.results_of(function_responses, vertexai=self._vertexai)
        if not self._outbox.answer(results):
            logger.info("a tool response was not sent: its connection, and the call, are gone")
        self._flush()

    async def write(self, call: Call) -> None:
        """Send a message that is not held: it waits for a connection, and is lost with it.

        Args:
            call: The message.
        """
        self.check_entered()
        await self._rehearse(call)
        while True:
            connection = await self._usable()
            self.ledger.number()
            try:
                await getattr(connection.session, call.method)(**call.arguments)
            except Exception as error:
                if read(error).family is Family.FOREIGN:
                    self.ledger.unnumber()
                    raise
                connection.suspect(error)
            else:
                return

    @property
    def stats(self) -> Stats:
        """The sums since the start."""
        return self._account.stats

    # Writing

    def _flush(self) -> None:
        """Write what is due, as far as there is a connection for it."""
        if self.writer is not None:
            self.writer.flush()
        self._bell.ring()

    async def _usable(self) -> Connection:
        """Return a connection that can be written to, once there is one."""
        while True:
            self.ending.check()
            if self.connection is not None and self.connection.usable:
                return self.connection
            await self._bell.wait()

    async def _rehearse(self, call: Call) -> None:
        """Let a bad argument raise in an outage too: the SDK checks it before it writes.

        The session of a closed connection does so as well as any, and what passes goes nowhere.
        """
        connection = self.connection
        if connection is None or not connection.closed:
            return
        try:
            await getattr(connection.session, call.method)(**call.arguments)
        except Exception as error:
            if read(error).family is Family.FOREIGN:
                raise

    # Reading

    def _take(self, message: types.LiveServerMessage) -> list[types.LiveServerMessage] | None:
        """Show a message to the pure modules; return what the caller is shown in its place."""
        if message.session_resumption_update is not None:
            # Before the ledger, to which an update without a handle is nothing.
            self._departure.confirmed()
        reading = self.ledger.received(message)
        if reading is None:
            return None
        self._wake.set()
        if message.go_away is not None:
            announced = self._departure.announced(
                self._now(), message.go_away.time_left, draw=self._settings.draw()
            )
            if not announced.readable:
                logger.warning(
                    "go_away has no time_left that can be read (%r): taken for %.0f s",
                    announced.announced,
                    announced.notice,
                )
            going = GoingAway(time_left=announced.notice, announced=announced.announced)
            self._teller.keep(going)
            if self.connection is not None and self.connection.ready:
                self._teller.catch_up()
        if reading.over:
            self._outage.proved()
        if reading.covered:
            self._outbox.covered()
        try:
            self._flush()
        except Exception as error:
            # Whoever reads has nothing to do with what is written.
            self._end(error)
        if reading.hidden:
            return []
        return _sdk.without_calls(message, reading.known) if reading.known else [message]

    # The supervisor's side

    async def _supervise(self) -> None:
        """Keep a connection open until the session ends."""
        try:
            while True:
                loss = await self._live_through_one()
                if loss is not None:
                    await asyncio.sleep(self._react(loss))
        except Exception as error:
            self._end(error)
        finally:
            if self.connection is not None:
                self.connection.release()

    async def _dial(self) -> Connection | Loss:
        """Dial; return the connection or its loss."""
        handle = self.ledger.handle
        self._resumed = handle is not None
        self._outage.connecting(self._now(), resumed=self._resumed)
        self._departure.connecting(self._now())
        seed = [] if handle is not None else await self._seed()
        try:
            async with asyncio.timeout(self._settings.setup_timeout):
                live = await _sdk.find_live(self._settings.live)
            # Vertex has no history_config: there a seed is content that asks for no reply.
            self._vertexai = bool(getattr(live, "vertexai", False))
            waits = bool(seed) and not self._vertexai
            config = _sdk.config_for(
                self._settings.config, handle=handle, seeded=waits, vertexai=self._vertexai
            )
            connection = Connection(
                live, model=self._settings.model, config=config, over=self._wake.set
            )
            await connection.open(timeout=self._settings.setup_timeout)
        except Exception as error:
            readable = _sdk.readable(error, checked=self.connection is not None)
            return self._lose(readable, phase=_sdk.phase_of(readable))

        self.connection = connection
        self._outage.connected(self._now())
        self._departure.connected(self._now(), resumed=self._resumed)
        self._outbox.connected(seed, asks=waits, transparent=_sdk.is_transparent(config))
        return connection

    async def _live_through_one(self) -> Loss | None:
        """Dial, hold and close one connection; return its loss, or None if the session moves on."""
        async with self._settings.gate or contextlib.nullcontext():
            connection = await self._dial()
        if isinstance(connection, Loss):
            return connection
        if not self._connected_once:
            self._teller.tell(Connected(resumed=self._resumed))
        self.reader.follow(connection)
        self.writer = Writer(
            connection,
            self._outbox,
            bell=self._bell,
            up_to_date=self._came_back,
            broken=self._end,
        )
        try:
            self.writer.flush()
            loss = await self._hold(connection)
        finally:
            self.writer.cancel()
            self.writer = None
        await self._retire(connection, timeout=CLOSE_TIMEOUT)
        if loss is None:
            loss = self._outage.moved(self._now())
        if loss is not None:
            return self._lose(loss, phase=Phase.SESSION)
        self._cut_off()
        return None

    async def _hold(self, connection: Connection) -> BaseException | None:
        """Wait until a connection is lost, and return why, or until it is to be left: None."""
        while connection.error is None:
            leave = self._departure.leave(
                quiet=self._outbox.quiet, handle=self.ledger.handle is not None
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

    def _came_back(self) -> None:
        """Tell how the session came to the connection it has, now that it may be used."""
        self._bell.ring()
        replay = self._outbox.replay
        if self._connected_once:
            continuity = self._account.close(
                attempts=self._outage.attempt - 1,
                outage=self._outage.elapsed(self._now()),
                lost_audio=self._outbox.media.forget_dropped(),
                replayed=replay.messages,
                maybe_twice=replay.maybe_twice,
                asked_on=replay.asked_on,
            )
            if self._resumed:
                self._teller.tell(Resumed(continuity))
            else:
                self._teller.tell(Restarted(continuity, replay.told))
        self._connected_once = True
        self._teller.catch_up()

    def _lose(self, error: BaseException, *, phase: Phase) -> Loss:
        return self._outage.lost(
            error,
            now=self._now(),
            phase=phase,
            handle=self.ledger.handle is not None,
            go_away=self._departure.go_away is not None,
            closing=isinstance(self.ending.error, SessionClosed),
        )

    def _react(self, loss: Loss) -> float:
        """Carry out what the policy decides; return the seconds until the next dial."""
        kind = classify(loss)
        self._teller.catch_up()
        self._teller.tell(Lost(loss.error, kind, loss.phase, loss.age))
        attempt = self._outage.attempt
        decision = self._settings.policy.decide(
            loss,
            attempt=attempt,
            elapsed=self._outage.elapsed(self._now()),
            draw=self._settings.draw(),
        )
        if isinstance(decision, Raise):
            raise decision.error
        self._cut_off()
        if kind is FailureKind.CONTEXT_EXHAUSTED:
            self._halvings += 1
        if isinstance(decision, Restart) or self.ledger.handle is None:
            self._account.cut(turns=self._outbox.restarted())
        fresh = self.ledger.handle is None
        self._teller.tell(Retrying(delay=decision.delay, attempt=attempt, why=kind, fresh=fresh))
        return decision.delay

    def _cut_off(self) -> None:
        """Tell the caller what the connection that is gone took with it."""
        cut = self._outbox.lost()
        uncovered = self._outbox.media.forget_uncovered()
        self._account.cut(turns=cut.turns, calls=len(cut.calls), uncovered_audio=uncovered)
        if cut.calls:
            self.reader.show(_sdk.cancellation(cut.calls))
        if cut.reply:
            self.reader.show(_sdk.interruption())

    async def _seed(self) -> list[Any]:
        """Return the turns that a fresh session is told."""
        history = self._settings.history
        if callable(history):
            history = history()
        if inspect.isawaitable(history):
            history = await history
        return self.ledger.backlog.seed(as_turns(history), halvings=self._halvings)

    # The end

    async def _retire(self, connection: Connection, *, timeout: float) -> None:
        """Close a connection, and read it to its end."""
        connection.release()
        self.reader.listen()
        await connection.close(timeout=timeout)

    def _end(self, error: BaseException) -> None:
        """End the session: whoever uses it from now on is raised the error."""
        if self.ending.error is not None:
            return
        self.ending.come(error)
        if self._supervisor is not None and self._supervisor is not asyncio.current_task():
            self._supervisor.cancel()
        owed = self.ledger.backlog.owed
        if isinstance(error, SessionClosed):
            if owed:
                logger.warning("the session ends while %d turns have no reply", owed)
        else:
            self._account.cut(turns=owed)
            continuity = self._account.close(
                attempts=self._outage.attempt - 1,
                outage=self._outage.elapsed(self._now()),
                lost_audio=self._outbox.media.forget_dropped(),
            )
            self._teller.tell(GaveUp(error, continuity))
        self.reader.end()

    def check_entered(self) -> None:
        """Raise if the session is used before it is opened: it would wait for ever."""
        if self._supervisor is None and self.ending.error is None:
            raise RuntimeError("the session is not open; use it inside `async with`")

    # Small things

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
