"""The driver: carries out what the pure modules decide.

`Ledger` knows the conversation, `Link` the connection, `ReconnectPolicy` what a loss calls for.
What is left for this file is to dial, write, wait and close. One task, the supervisor, lives as
long as the session. The caller's messages are written by the caller itself; what was on its way
when a connection died is written again by the supervisor, before it lets the callers go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _sdk
from ._bell import Bell
from ._connection import Connection
from ._reader import Reader
from .continuity import Account, Stats
from .errors import SessionClosed
from .events import Connected, Event, GaveUp, GoingAway, Lost, Restarted, Resumed, Retrying
from .gate import ReconnectGate
from .judgement import FailureKind, classify
from .ledger import Ledger
from .link import Link
from .loss import Family, Loss, Phase, read
from .media import Media
from .policy import Raise, ReconnectPolicy, Restart
from .transcript import as_turns, newest, tellable
from .turns import ANSWER, CONTENT, Call, Entry, Mark, State

if TYPE_CHECKING:
    from types import TracebackType

    from google.genai import types

__all__ = ["CLOSE_TIMEOUT", "Driver", "Settings"]

logger = logging.getLogger("reconnect")

CLOSING_TIMEOUT: Final = 1.0
"""Seconds to wait for the empty turn_complete with which some models close lost tool calls."""

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
        )
        self.connection: Connection | None = None
        self.ended: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._vertexai = False
        self._transparent = False
        self._settings = settings
        limit = getattr(settings.policy, "max_reconnects_per_hour", None)
        self._link = Link(
            max_reconnects_per_hour=limit, confirm_timeout=settings.resume_confirm_timeout
        )
        self._halvings = 0
        self._account = Account()
        self._media = Media(limit=settings.audio_buffer)
        self._bell = Bell()
        self._wake = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._connected_once = False
        # What came of a connection before it was told how the session got there.
        self._early: list[Event] = []
        self.reader = Reader(take=self._take, bell=self._bell, broken=self._end)

    # The caller's side

    async def open(self) -> None:
        """Open the first connection; return when its setup is complete."""
        if self._supervisor is not None or self.ended is not None:
            raise RuntimeError("a ResumableSession is entered once; make another for another call")
        self._supervisor = asyncio.create_task(self._supervise(), name="reconnect supervisor")
        try:
            while self.connection is None:
                self._raise_end()
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
        entry = self.ledger.record(call)
        try:
            while True:
                connection = await self._usable()
                if not entry.to_write or await self._write_ledger(connection, upto=entry):
                    return
        except BaseException:
            # Not delivered, and whoever sent it is being told so: it must not be sent later.
            if entry.to_write:
                self.ledger.retract(entry)
            raise

    async def stream(self, arguments: dict[str, Any]) -> None:
        """Send realtime input, and never wait for a connection: a microphone does not either.

        Args:
            arguments: Those of ``send_realtime_input``.
        """
        self.check_entered()
        connection = self.connection
        if connection is not None and connection.flowing:
            index = self.ledger.number()
            try:
                await connection.session.send_realtime_input(**arguments)
            except Exception as error:
                if read(error).family is Family.FOREIGN:
                    raise
                connection.suspect(error)
            else:
                if connection.flowing or not self._transparent:
                    self._media.written(arguments, index=index if self._transparent else None)
                    return
                # Lost while it was written: no handle will ever cover it.
        elif self.ended is not None:
            self._raise_end()
        else:
            _sdk.check_input(arguments)
        self._media.hold(arguments)

    async def write(self, call: Call, *, keys: Collection[str] = ()) -> bool:
        """Send a message straight to the connection; return whether it was sent.

        Args:
            call: The message.
            keys: The tool calls that it answers. To a connection that does not know them it is
                not sent: some models refuse the result of a call that was lost.
        """
        self.check_entered()
        connection = self.connection
        if connection is None or not connection.usable:
            await self._rehearse(call)
        # A result is for this connection or for none: it need not wait until the others may write,
        # and they may be waiting for it.
        if connection is None or (not connection.usable and not (keys and connection.readable)):
            connection = await self._usable()
        while self.ledger.calls.knows(keys):
            self.ledger.number()
            try:
                await getattr(connection.session, call.method)(**call.arguments)
            except Exception as error:
                if read(error).family is Family.FOREIGN:
                    raise
                connection.suspect(error)
                connection = await self._usable()
            else:
                self._bell.ring()
                return True
        return False

    async def answer(self, function_responses: Any) -> None:
        """Send results of tool calls, as far as somebody waits for them.

        Args:
            function_responses: What ``send_tool_response`` takes.
        """
        self.check_entered()
        results = _sdk.results_of(function_responses, vertexai=self._vertexai)
        # Before the write: if the connection is lost over it, the result is known all the same.
        for key, result in results.items():
            self.ledger.calls.answered(key, result)
        keys = [key for key in results if self.ledger.calls.knows([key])]
        call = Call(ANSWER, {"function_responses": [results[key] for key in keys]})
        sent = bool(keys) and await self.write(call, keys=keys)
        if not sent or len(keys) < len(results):
            logger.info("a tool response was not sent: its connection, and the call, are gone")

    async def _answer_known(self) -> None:
        """Send the results that are known from lost calls, for calls that ask for the same."""
        for due in self.ledger.calls.due():
            response = due.result.model_copy(update={"id": due.id})
            await self.write(Call(ANSWER, {"function_responses": [response]}), keys=[due.key])

    @property
    def stats(self) -> Stats:
        """The sums since the start."""
        return self._account.stats

    # Writing

    async def _usable(self) -> Connection:
        """Return a connection that the caller's messages can be written to, once there is one."""
        while True:
            self._raise_end()
            if self.connection is not None and self.connection.usable:
                return self.connection
            await self._bell.wait()

    async def _write_ledger(self, connection: Connection, *, upto: Entry) -> bool:
        """Write what the ledger holds, up to an entry; return whether the connection took it."""
        async with connection.write_lock:
            for entry in self.ledger.unwritten():
                if not self.ledger.holds(entry):
                    # Its sender has taken it back meanwhile.
                    continue
                # Before the write, since the answer may be read before the write returns.
                call = self.ledger.write(entry)
                try:
                    await getattr(connection.session, call.method)(**call.arguments)
                except Exception as error:
                    if read(error).family is Family.FOREIGN:
                        self.ledger.retract(entry)
                        raise
                    connection.suspect(error)
                    return False
                if entry is upto:
                    break
        return True

    async def _close_calls(self, connection: Connection) -> None:
        """Close the tool calls that a resumed session may wait for, and give it time to say so."""
        closing = self.ledger.close_calls()
        if closing is None:
            return
        self.ledger.number()
        await getattr(connection.session, closing.method)(**closing.arguments)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_TIMEOUT):
                while self.ledger.closing:
                    await self._bell.wait()
        self.ledger.closing = False

    async def _write_media(self, connection: Connection) -> None:
        """Write the realtime input that waits, what comes meanwhile included."""
        while self._media.waiting:
            if self.ledger.calls.awaited:
                # Input during an open call can end the session (1008): it waits for the result.
                await self._bell.wait()
                continue
            arguments = self._media.next()
            index = self.ledger.number()
            try:
                await connection.session.send_realtime_input(**arguments)
            except BaseException:
                self._media.put_back(arguments)
                raise
            self._media.written(arguments, index=index if self._transparent else None)

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
            self._link.confirmed()
        reading = self.ledger.received(message)
        if reading is None:
            return None
        self._wake.set()
        self._bell.ring()
        if message.go_away is not None:
            announced = self._link.announced(
                self._now(), message.go_away.time_left, draw=self._settings.draw()
            )
            if not announced.readable:
                logger.warning(
                    "go_away has no time_left that can be read (%r): taken for %.0f s",
                    announced.announced,
                    announced.notice,
                )
            going = GoingAway(time_left=announced.notice, announced=announced.announced)
            self._early.append(going)
            if self.connection is not None and self.connection.ready:
                self._tell_early()
        if reading.over:
            self._link.turn_completed()
        if self.ledger.consumed is not None:
            self._media.consumed(self.ledger.consumed)
        if reading.hidden:
            return []
        if reading.known:
            task = asyncio.create_task(self._answer_known(), name="reconnect answer")
            task.add_done_callback(self._finished)
            return _sdk.without_calls(message, reading.known)
        return [message]

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

    async def _dial(self) -> tuple[Connection, Entry | None] | Loss:
        """Dial; return the connection and what it is to be told, or its loss."""
        handle = self.ledger.handle
        self._link.dialling(self._now(), resumed=handle is not None)
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
            self._transparent = _sdk.is_transparent(config)
            connection = Connection(
                live, model=self._settings.model, config=config, over=self._wake.set
            )
            await connection.open(timeout=self._settings.setup_timeout)
        except Exception as error:
            readable = _sdk.readable(error, checked=self.connection is not None)
            return self._lose(readable, phase=_sdk.phase_of(readable))

        self._link.connected(self._now())
        return connection, self.ledger.seeded(seed, asks=waits) if seed else None

    async def _live_through_one(self) -> Loss | None:
        """Dial, hold and close one connection; return its loss, or None if the session moves on."""
        async with self._settings.gate or contextlib.nullcontext():
            dialled = await self._dial()
        if isinstance(dialled, Loss):
            return dialled
        connection, seed = dialled
        if not self._connected_once:
            self._tell(Connected(resumed=self._link.resumed))
        self.connection = connection
        self.reader.follow(connection)
        writer = asyncio.create_task(self._bring_up_to_date(connection, seed))
        writer.add_done_callback(self._finished)
        try:
            loss = await self._hold(connection)
        finally:
            writer.cancel()
        await self._retire(connection, timeout=CLOSE_TIMEOUT)
        if loss is None:
            loss = self._link.moved(self._now())
        if loss is not None:
            return self._lose(loss, phase=Phase.SESSION)
        self._cut_off()
        return None

    async def _hold(self, connection: Connection) -> BaseException | None:
        """Wait until a connection is lost, and return why, or until it is to be left: None."""
        while connection.error is None:
            leave = self._link.leave(quiet=self.ledger.quiet, handle=self.ledger.handle is not None)
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

    async def _bring_up_to_date(self, connection: Connection, seed: Entry | None) -> None:
        """Write a new connection what it must know, then let the callers write."""
        replayed: list[Entry] = []
        asked_on = maybe_twice = 0
        try:
            if seed is not None:
                self.ledger.number()
                await getattr(connection.session, CONTENT)(**seed.call.arguments)
                seed.mark(Mark.WRITTEN)
            await self._close_calls(connection)
            replayed = self.ledger.unwritten()
            asked_on = sum(entry.state is State.TO_ASK_ON for entry in replayed)
            maybe_twice = sum(entry.doubtful and entry.state is State.HELD for entry in replayed)
            if replayed and not await self._write_ledger(connection, upto=replayed[-1]):
                return
            connection.ready = True
            self._came_back(len(replayed), maybe_twice, asked_on, seed)
            self._tell_early()
            self._bell.ring()
            await self._write_media(connection)
            connection.streaming = True
        except Exception as error:
            # A loss is the reading side's to find out; anything else is a bad argument, the
            # history most likely, and ends the session.
            if read(error).family is Family.FOREIGN:
                connection.fail(error)
            else:
                connection.suspect(error)

    def _tell_early(self) -> None:
        early, self._early = self._early, []
        for event in early:
            self._tell(event)

    def _came_back(
        self, replayed: int, maybe_twice: int, asked_on: int, seed: Entry | None
    ) -> None:
        """Tell how the session came to the connection it has."""
        if not self._connected_once:
            self._connected_once = True
            return
        continuity = self._account.close(
            attempts=self._link.attempts,
            outage=self._link.outage(self._now()),
            lost_audio=self._media.forget_dropped(),
            replayed=replayed,
            maybe_twice=maybe_twice,
            asked_on=asked_on,
        )
        if self._link.resumed:
            self._tell(Resumed(continuity))
        else:
            told = 0 if seed is None else len(seed.call.arguments["turns"])
            self._tell(Restarted(continuity, told))

    def _lose(self, error: BaseException, *, phase: Phase) -> Loss:
        return self._link.lost(
            error,
            self._now(),
            phase=phase,
            handle=self.ledger.handle is not None,
            closing=isinstance(self.ended, SessionClosed),
        )

    def _react(self, loss: Loss) -> float:
        """Carry out what the policy decides; return the seconds until the next dial."""
        kind = classify(loss)
        self._tell_early()
        self._tell(Lost(loss.error, kind, loss.phase, loss.age))
        attempt = self._link.attempts + 1
        decision = self._settings.policy.decide(
            loss,
            attempt=attempt,
            elapsed=self._link.outage(self._now()),
            draw=self._settings.draw(),
        )
        if isinstance(decision, Raise):
            raise decision.error
        self._cut_off()
        if kind is FailureKind.CONTEXT_EXHAUSTED:
            self._halvings += 1
        if isinstance(decision, Restart) or self.ledger.handle is None:
            self.ledger.restarted()
            self._link.restarting = True
        self._link.attempts = attempt
        fresh = self.ledger.handle is None
        self._tell(Retrying(delay=decision.delay, attempt=attempt, why=kind, fresh=fresh))
        return decision.delay

    def _cut_off(self) -> None:
        """Tell the caller what the connection that is gone took with it."""
        cut = self.ledger.lost()
        self._media.lost()
        self._account.cut(turns=cut.turns, calls=len(cut.calls))
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
        turns = tellable([*as_turns(history), *self.ledger.past])
        return newest(turns, halvings=self._halvings)

    # The end

    async def _retire(self, connection: Connection, *, timeout: float) -> None:
        """Close a connection, and read it to its end."""
        connection.release()
        self.reader.listen()
        await connection.close(timeout=timeout)

    def _end(self, error: BaseException) -> None:
        """End the session: whoever uses it from now on is raised the error."""
        if self.ended is not None:
            return
        self.ended = error
        self._traceback = error.__traceback__
        if self._supervisor is not None and self._supervisor is not asyncio.current_task():
            self._supervisor.cancel()
        if not isinstance(error, SessionClosed):
            continuity = self._account.close(
                attempts=self._link.attempts,
                outage=self._link.outage(self._now()),
                lost_audio=self._media.forget_dropped(),
            )
            self._tell(GaveUp(error, continuity))
        self.reader.end(error)

    def _raise_end(self) -> None:
        """Raise what has ended the session, if it has ended."""
        if self.ended is not None:
            # Raised again and again, it would collect a traceback without end.
            raise self.ended.with_traceback(self._traceback)

    def check_entered(self) -> None:
        """Raise if the session is used before it is opened: it would wait for ever."""
        if self._supervisor is None and self.ended is None:
            raise RuntimeError("the session is not open; use it inside `async with`")

    # Small things

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _finished(self, task: asyncio.Task[None]) -> None:
        """End the session over what a task raises that it should not: a bug."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(error)

    def _tell(self, event: Event) -> None:
        """Log an event and hand it to the caller's callback, whose failure ends nothing."""
        level = logging.WARNING if isinstance(event, Lost | GaveUp) else logging.INFO
        text = str(event)
        if self.ledger.handle is not None:
            # A server may quote it in the reason of a close.
            text = text.replace(self.ledger.handle, "<handle>")
        logger.log(level, "%s", text)
        on_event = self._settings.on_event
        if on_event is None:
            return
        try:
            on_event(event)
        except Exception as error:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"on_event raised over {event!r}", "exception": error}
            )
