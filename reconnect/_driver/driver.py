"""The driver: carries out what the pure modules decide.

`Conversation` and `Outbox` know what was said, `Outage` what has failed, `Departure` when to leave
a connection, the policy what a loss calls for. What is left for this file is to connect, wait,
close and tell; a `Writer` writes, and the `Reader` reads. One task, the supervisor, lives as long
as the session: however it ends, the session ends with it, and whoever waits is raised why.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from reconnect._checks import checked_decision
from reconnect._conversation.advice import advice
from reconnect._conversation.conversation import Conversation
from reconnect._conversation.media import Media
from reconnect._conversation.models import ends_turns, takes_content
from reconnect._conversation.outbox import Outbox
from reconnect._conversation.transcript import as_turns
from reconnect._failures.classify import FailureKind, classify
from reconnect._failures.loss import Loss, Phase
from reconnect.errors import SessionClosed
from reconnect.events import (
    AudioDropped,
    Closed,
    Connected,
    GaveUp,
    GoingAway,
    Lost,
    Restarted,
    Resumed,
    Retrying,
    Stats,
)
from reconnect.policy import Outage, Raise, Restart

from . import own, sdk
from .account import Account
from .config import announces_history, asks_for_audio, config_for, is_transparent
from .connection import Connection
from .departure import Departure
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
        handle: The handle of a conversation of an earlier process; None to begin.
    """

    def __init__(self, settings: Settings, *, handle: str | None) -> None:
        options = settings.options
        self._media = Media(seconds=options.audio_buffer, limit=options.media_buffer)
        self.conversation = Conversation(
            handle=handle,
            reuse_tool_results=options.reuse_tool_results,
            index_base=settings.index_base,
            announced=announces_history(settings.config),
            turns=ends_turns(settings.model),
            content=takes_content(settings.model),
            continue_with=settings.continue_with,
            limit=options.buffer,
            history_limit=options.history_limit,
            audio=lambda: self._media.progress,
        )
        self._outbox = Outbox(self.conversation, self._media, limit=options.media_buffer)
        self.connection: Connection | None = None
        self.name = new_name()
        self._observer = Observer(options.on_event, model=settings.model, session=self.name)
        self.sender = Sender(
            self.conversation,
            self._outbox,
            check_usable=self._check_usable,
            log=self._observer.log,
        )
        self._settings = settings
        self._options = options
        self._entered = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._supervisor: asyncio.Task[None] | None = None
        # What has ended the session, and where it was raised.
        self.error: Exception | None = None
        self._traceback: TracebackType | None = None
        # Set when the session can be used, or has ended; and when the supervisor is to look again.
        self._opened = asyncio.Event()
        self._wake = asyncio.Event()
        limit = getattr(options.policy, "max_reconnects_per_hour", None)
        self._outage = Outage(max_reconnects_per_hour=limit)
        self._departure = Departure(confirm_timeout=options.resume_confirm_timeout)
        self._resumed = False
        self._halvings = 0
        self._account = Account()
        self._connected_once = False
        # Whether this connection takes the place of another.
        self._returning = False
        self._secrets = Secrets()
        self._secrets.add(handle or "")
        self._hide = frozenset(options.hide)
        self.reader = Reader(
            self.conversation,
            take=self._take_and_hide if self._hide else self._take,
            check_open=self._check_open,
            broken=self._end,
        )

    # The caller's side

    async def open(self) -> None:
        """Open the first connection; return when the caller can write to it."""
        if self._entered or self.error is not None:
            raise RuntimeError("a ResumableSession is entered once; make another for another call")
        self._entered = True
        self._loop = asyncio.get_running_loop()
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
        if self.error is not None or self._loop is None or self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(self._abandoned)
        return True

    def _abandoned(self) -> None:
        self._end(own.Closed("the session was garbage before it was closed"))
        self.reader.close()

    @property
    def stats(self) -> Stats:
        """The sums since the start, and what was dropped since the last gap was over."""
        stats = self._account.stats
        return replace(stats, lost_audio=stats.lost_audio + self._outbox.media.dropped)

    def check_entered(self) -> None:
        """Raise if the session is used before it is opened: it would wait for ever."""
        if not self._entered and self.error is None:
            raise RuntimeError("the session is not open; use it inside `async with`")

    def _check_usable(self) -> None:
        self.check_entered()
        self._check_open()

    def _check_open(self) -> None:
        """Raise what has ended the session, if it has ended."""
        if self.error is not None:
            # Raised again and again, it would collect a traceback without end.
            raise self.error.with_traceback(self._traceback)

    # Reading

    def _take(self, message: types.LiveServerMessage) -> list[types.LiveServerMessage] | None:
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
            self._outage.proved()
        if reading.covered:
            self._outbox.covered()
        self.sender.flush()
        if not (reading.hidden or reading.unseen or reading.left):
            return None
        shown: list[types.LiveServerMessage] = []
        if not reading.hidden:
            shown = sdk.without_calls(message, reading.unseen)
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
        if time_left is not None:
            time_left = self._secrets.clean(time_left)
        announced = self._departure.announced(self._now(), time_left, draw=self._settings.draw())
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
        this = asyncio.current_task()
        try:
            while self.error is None:
                loss = await self._live_through_one()
                if loss is not None and self.error is None:
                    await asyncio.sleep(self._react(loss))
        except (KeyboardInterrupt, SystemExit) as error:
            self._end(error)
            raise
        except BaseException as error:
            if asyncio.current_task(self._loop) is not this:
                # It is closed with its loop, and nobody waits any more.
                raise
            self._end(error)
        finally:
            if self.connection is not None:
                self.connection.release()

    def _supervised(self, supervisor: asyncio.Task[None]) -> None:
        """End the session with its supervisor, however that has ended: a bug included."""
        if self.error is None:
            failed = None if supervisor.cancelled() else supervisor.exception()
            self._end(failed or asyncio.CancelledError("the supervisor was cancelled"))

    async def _connect(self) -> Connection | Loss:
        """Connect; return the connection or its loss."""
        handle = self.conversation.handle
        self._resumed = handle is not None
        self._outage.connecting(self._now(), resumed=self._resumed)
        self._departure.connecting(self._now())
        try:
            async with asyncio.timeout(self._options.setup_timeout):
                seed = [] if handle is not None else await self._seed()
                live = await sdk.find_live(self._settings.live)
                self._note_keys(live)
        except Exception as error:
            # The caller's own code: a history or a token that cannot be fetched now.
            return self._lose(error, phase=Phase.CONNECT)
        vertexai = bool(getattr(live, "vertexai", False))
        self.sender.connecting(vertexai=vertexai)
        # Vertex has no history_config: there a seed is content that asks for no reply.
        waits = bool(seed) and not vertexai
        config = config_for(
            self._settings.config,
            handle=handle,
            seeded=waits,
            announced=self.conversation.announced,
            vertexai=vertexai,
        )
        connection = Connection(live, model=self._settings.model, config=config, over=self._over)
        try:
            self._check_open()
            try:
                await connection.open(timeout=self._options.setup_timeout)
            finally:
                # Credentials get a new token as they connect.
                self._note_keys(live)
        except Exception as error:
            readable = sdk.readable(error, connecting=True)
            return self._lose(readable, phase=sdk.phase_of(readable))
        self.connection = connection
        self._outage.connected(self._now())
        self._departure.connected(self._now(), resumed=self._resumed)
        self._outbox.connected(
            seed,
            asks=waits,
            transparent=is_transparent(config),
            announced=announces_history(config) and not waits,
        )
        return connection

    def _note_keys(self, live: Any) -> None:
        """Remember what is connected with, lest it be told."""
        for key in sdk.keys_of(live, self._settings.config):
            self._secrets.add_key(key)

    def _over(self) -> None:
        """Note that a connection is over: what is sent is held, and the supervisor goes on."""
        if self.connection is not None and self.connection.error is not None:
            self.sender.hold()
        self._wake.set()

    async def _live_through_one(self) -> Loss | None:
        """Open, hold and close one connection; return its loss, or None if the session moves on."""
        async with gate_for(self._options.gate) or contextlib.nullcontext():
            connection = await self._connect()
        if isinstance(connection, Loss):
            return connection
        self._returning = self._connected_once
        if not self._connected_once:
            self._connected_once = True
            self._observer.tell(Connected(resumed=self._resumed))
            self._advise()
        self.reader.follow(connection)
        writer = self.sender.writer = Writer(
            connection,
            self._outbox,
            stall_timeout=self._options.stall_timeout,
            up_to_date=self._up_to_date,
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
            loss = self._outage.moved(self._now())
        if loss is not None:
            return self._lose(loss, phase=Phase.SESSION)
        self._cut_off()
        return None

    def _advise(self) -> None:
        """Log what the configuration lacks: once, since it stays the same."""
        config = self._settings.config
        lacking = advice(
            audio=asks_for_audio(config),
            compressed=config.context_window_compression is not None,
            transcribed=config.input_audio_transcription is not None,
            turns=ends_turns(self._settings.model),
        )
        for text in lacking:
            self._observer.log(logging.INFO, text)

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

    def _up_to_date(self) -> None:
        """Tell how the session came to the connection it has, now that it may be used."""
        connection, media = self.connection, self._outbox.media
        assert connection is not None
        if self.sender.direct:
            self._opened.set()
        if connection.ready:
            if self.sender.direct and media.dropped:
                self._observer.tell(AudioDropped(self._account.drop(media.forget_dropped())))
            return
        connection.ready = True
        replay = self._outbox.replay
        if self._returning:
            continuity = self._account.close(
                self._now(),
                attempts=self._outage.attempt - 1,
                lost_audio=media.forget_dropped(),
                replayed=replay.messages,
                maybe_twice=replay.maybe_twice,
                continued=replay.continued,
                forgotten=replay.forgotten,
            )
            if self._resumed:
                self._observer.tell(Resumed(continuity))
            else:
                self._observer.tell(Restarted(continuity, replay.told))
        self._observer.catch_up()

    def _lose(self, error: BaseException, *, phase: Phase) -> Loss:
        self._secrets.hide(error)
        now = self._now()
        loss = self._outage.lost(
            error,
            now=now,
            phase=phase,
            handle=self.conversation.handle is not None,
            go_away=self._departure.go_away is not None,
            closing=isinstance(self.error, SessionClosed),
        )
        self._account.lost(now, attempts=self._outage.attempt - 1)
        return loss

    def _react(self, loss: Loss) -> float:
        """Carry out what the policy decides; return the seconds until the next attempt."""
        kind = classify(loss)
        self._observer.catch_up()
        self._observer.tell(Lost(loss.error, kind, loss.phase, loss.age))
        attempt = self._outage.attempt
        elapsed = self._outage.elapsed(self._now())
        policy = self._options.policy
        decision = policy.decide(loss, attempt=attempt, elapsed=elapsed, draw=self._settings.draw())
        decision = checked_decision(decision, policy)
        decision = hurried(decision, attempt=attempt, elapsed=elapsed, error=loss.error)
        if isinstance(decision, Raise):
            raise decision.error
        self._cut_off()
        if kind is FailureKind.CONTEXT_EXHAUSTED:
            self._halvings += 1
        if isinstance(decision, Restart):
            turns = self._outbox.restarted()
            self._account.cut(turns=turns, uncovered_audio=self._outbox.media.forget_uncovered())
        fresh = self.conversation.handle is None
        self._observer.tell(Retrying(delay=decision.delay, attempt=attempt, why=kind, fresh=fresh))
        return decision.delay

    def _cut_off(self) -> None:
        """Tell the caller what the connection that is gone took with it."""
        cut = self._outbox.lost()
        uncovered = self._outbox.media.forget_uncovered()
        self._account.cut(turns=cut.turns, calls=len(cut.calls), uncovered_audio=uncovered)
        self.sender.flush()
        if cut.calls:
            self.reader.show(own.cancellation(cut.calls))
        if cut.reply or cut.overtaken:
            self.reader.show(own.interruption())
        if cut.ended or (cut.reply and self._options.after_cut == "own turn"):
            self.reader.show(own.turn_end())

    async def _seed(self) -> list[Any]:
        """Return the turns that a new session is sent."""
        history = self._settings.history
        if callable(history):
            history = history()
        if inspect.isawaitable(history):
            history = await history
        return self.conversation.past.seed(as_turns(history), halvings=self._halvings)

    # The end

    async def _retire(self, connection: Connection, *, timeout: float) -> None:
        """Close a connection, and read it to its end."""
        connection.release()
        self.reader.listen()
        await connection.close(timeout=timeout)

    def _end(self, error: BaseException) -> None:
        """End the session: whoever uses it from now on is raised the error."""
        if self.error is not None:
            return
        self.error = _ending(error)
        self._secrets.hide(self.error)
        self._traceback = self.error.__traceback__
        if self._supervisor is not None and self._supervisor is not asyncio.current_task():
            self._supervisor.cancel()
        self.sender.hold()
        owed = self.conversation.owed
        if isinstance(self.error, SessionClosed):
            self._observer.keep(Closed(owed))
        else:
            lost, uncovered = self._outbox.media.give_up()
            self._outbox.media.forget_dropped()
            self._account.cut(turns=owed, uncovered_audio=uncovered)
            continuity = self._account.close(
                self._now(),
                attempts=self._outage.attempt - 1,
                lost_audio=lost,
            )
            self._observer.keep(GaveUp(self.error, continuity))
        self._opened.set()
        self.sender.flush()
        self.reader.end()
        self._observer.catch_up()

    # Small things

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _ending(error: BaseException) -> Exception:
    """Return what ends a session as it can be raised to whoever waits for it.

    A ``CancelledError`` would pass for a cancellation of their own, and a ``StopIteration`` for the
    end of theirs.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        return error
    ended = ConnectionAbortedError(f"the session was ended by {type(error).__name__}: {error}")
    ended.__cause__ = error
    return ended
