"""The public face: a session that is used as the SDK's own is.

What it does is decided by pure modules and carried out by the driver; here the arguments are
checked, and the methods of the SDK's session are given their counterparts.
"""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Literal, Self

from ._conversation.exchanges import CONTENT, REALTIME, UPDATE, Call
from ._conversation.limits import CONVERSATION, MEDIA, Limit
from ._conversation.past import HISTORY_LIMIT
from .events import Event, Stats
from .gate import ReconnectGate
from .options import ReconnectOptions
from .policy import Policy, ReconnectPolicy

if TYPE_CHECKING:
    from types import TracebackType

    from google.genai import types

__all__ = ["ResumableSession", "is_local"]


class ResumableSession:
    """A Gemini Live session that survives the loss of its connections.

    It is used as the SDK's own session is, with the same methods: only ``connect()`` is replaced.
    When a connection is lost the policy decides, and the session resumes the conversation, replaces
    it by a new one that is sent the history, or raises what ended it. ``receive()`` carries on
    across the gap.

    While a connection is up to date, a send is the SDK's own call: its back-pressure, its errors,
    the caller's order. In an outage, and while a new connection is brought up to date, a send
    returns at once, and a copy of what it sent is held. A bad argument raises what the SDK raises
    in either case.

    Args:
        live: The SDK's ``client.aio.live``, anything else with its ``connect(model=, config=)``,
            or a callable, plain or async, that returns one: it is called for every attempt, for
            credentials that are good for one. Its ``vertexai``, where it has one, says which of
            the two backends it connects to: they take a history in different ways.
        model: The model's name.
        config: The SDK's ``LiveConnectConfig`` or a dict of its fields; None for its defaults.
            Resumption is asked for whether or not it says so.
        policy: What decides about a loss; None for ``ReconnectPolicy()``.
        history: The turns from before this session that a new session must know, contents or
            dicts, or a callable, plain or async, that returns them. What is said in this session
            is remembered without it. Never sent on a resume, which knows them.
        handle: The handle of a conversation of an earlier process, to carry it on; None to begin.
        on_event: Called with each event of `reconnect.events`.
        hide: Which messages of the server the caller is not shown: ``"go_away"`` and
            ``"session_resumption_update"``; by default it is shown all.
        after_cut: What the caller is shown where a reply was cut and will be given anew.
            ``"same turn"``: ``interrupted``, and ``receive()`` goes on. ``"own turn"``:
            ``interrupted`` and ``turn_complete``, and the second reply is a turn of its own.
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
        index_base: The number of the first message after the setup in transparent resumption.
        continue_with: The text that asks the model for a reply that was cut, where the resumed
            session knows the turn, such as ``"Please go on."``, sent as realtime input; or a
            function of the model's name that returns one. None chooses by the model's name: the
            words of the question where the model takes no client content in a session
            (Gemini 3.1), elsewhere ``turn_complete`` without turns.
        gate: What spaces the attempts of the sessions that share it; None to connect at once.
        resume_confirm_timeout: Seconds after a resume within which the server must have sent a
            ``session_resumption_update``, of whatever kind; else the handle counts as rejected,
            and a new session is sent the history. It guards against sessions that come back
            open and generate nothing. A server that sends none before the next turn makes it
            strike an idle session too. None, the default, for no such guard.
        draw: Returns the random numbers in [0, 1) that spread the delays, and the moves of a
            go_away.

    Raises:
        TypeError: If ``live`` cannot be connected with, ``config`` is neither dict nor
            ``LiveConnectConfig``, ``on_event`` cannot be called or is async, or ``policy`` is no
            `Policy`, such as a class.
        ValueError: If ``config`` has an unknown field or a wrong value, ``setup_timeout`` or
            ``stall_timeout`` is not positive, ``audio_buffer`` negative, ``history_limit`` below 1,
            ``resume_confirm_timeout`` neither None nor a positive number, ``hide`` or
            ``after_cut`` none of those named, or a buffer is full in a way that its kind does not
            allow.
    """

    def __init__(
        self,
        live: Any,
        *,
        model: str,
        config: types.LiveConnectConfigOrDict | dict[str, Any] | None = None,
        policy: Policy | None = None,
        history: Iterable[Any] | Callable[[], Any] = (),
        handle: str | None = None,
        on_event: Callable[[Event], object] | None = None,
        # What the caller is shown
        hide: Collection[str] = (),
        after_cut: Literal["same turn", "own turn"] = "same turn",
        # Limits
        setup_timeout: float = 10.0,
        stall_timeout: float = 10.0,
        audio_buffer: float = 3.0,
        buffer: Limit = CONVERSATION,
        media_buffer: Limit = MEDIA,
        history_limit: int = HISTORY_LIMIT,
        gate: ReconnectGate | None = None,
        # Resumption
        reuse_tool_results: bool = True,
        index_base: int = 1,
        continue_with: str | Callable[[str], str | None] | None = None,
        resume_confirm_timeout: float | None = None,
        # Determinism
        draw: Callable[[], float] = random.random,
    ) -> None:
        # They bring the SDK, which costs half a second: it is imported with the first session.
        from ._driver import sdk  # noqa: PLC0415
        from ._driver.driver import Driver  # noqa: PLC0415
        from ._driver.settings import Settings  # noqa: PLC0415

        sdk.check_live(live)
        options = ReconnectOptions(
            policy=ReconnectPolicy() if policy is None else policy,
            gate=gate,
            on_event=on_event,
            hide=hide,
            after_cut=after_cut,
            setup_timeout=setup_timeout,
            stall_timeout=stall_timeout,
            audio_buffer=audio_buffer,
            buffer=buffer,
            media_buffer=media_buffer,
            history_limit=history_limit,
            reuse_tool_results=reuse_tool_results,
            continue_with=continue_with,
            resume_confirm_timeout=resume_confirm_timeout,
        )
        checked = sdk.checked_config(config)
        self._model = model
        self._driver = Driver(
            Settings(
                live=live,
                model=model,
                config=checked,
                history=history if callable(history) else sdk.checked_turns(history),
                options=options,
                continue_with=continue_with(model) if callable(continue_with) else continue_with,
                index_base=index_base,
                draw=draw,
            ),
            handle=handle or sdk.handle_in(checked),
        )

    async def __aenter__(self) -> Self:
        """Open the first connection: return as soon as the caller can write to it directly.

        Raises:
            RuntimeError: If the session has been entered before.
            Exception: Whatever the policy lets through; see `ReconnectPolicy.decide`.
        """
        await self._driver.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session for good; a cancellation does not wait for the server's answer."""
        cancelled = isinstance(exc, asyncio.CancelledError)
        await (self._driver.close(timeout=0) if cancelled else self._driver.close())

    async def close(self) -> None:
        """Close the session for good: no connection follows, whatever was under way."""
        await self._driver.close()

    @property
    def name(self) -> str:
        """The name by which events and log lines call this session, such as ``12-9f3a1c``.

        It stays the same over all connections, whose ``session_id`` changes with each. It is no
        secret, and no two sessions of a process have the same.
        """
        return self._driver.name

    @property
    def handle(self) -> str | None:
        """The newest handle, to be kept for another process; None while there is none.

        It is as good as a password for this conversation: keep it out of logs.
        """
        return self._driver.conversation.handle

    @property
    def session_id(self) -> str | None:
        """The id of the newest connection's session; None where the server gave none."""
        session_id: str | None = self._newest("session_id")
        return session_id

    @property
    def setup_complete(self) -> types.LiveServerSetupComplete | None:
        """The newest connection's setupComplete."""
        setup_complete: types.LiveServerSetupComplete | None = self._newest("setup_complete")
        return setup_complete

    @property
    def stats(self) -> Stats:
        """What the gaps since the start have cost, the sums of their `Continuity`.

        Audio that is dropped is in ``lost_audio`` at once.
        """
        return self._driver.stats

    def receive(self) -> AsyncIterator[types.LiveServerMessage]:
        """Yield the messages of the server up to the end of the turn, as the SDK's does.

        A connection that is lost inside the turn does not end it: what had arrived is yielded,
        then the rest of the turn from the next connection. Where a part of a reply was yielded
        that will be given anew, a message with ``server_content.interrupted`` comes between.

        Raises:
            SessionClosed: If the session is closed by its owner.
            RuntimeError: If another task is iterating, which goes on.
            Exception: Whatever ended the session; see `ReconnectPolicy.decide`.
        """
        self._driver.check_entered()
        # The generator itself: a wrapper around it would cost every message.
        return self._driver.reader.turn(self)

    async def send_client_content(self, *, turns: Any = None, turn_complete: bool = True) -> None:
        """Send turns to the model, as the SDK's method of this name.

        They are kept until a handle is known to cover them, and nobody waits for a connection.
        Where it cannot be known whether a handle covers them when a connection is lost, they are
        sent again: twice is better than never.

        Args:
            turns: A content, a dict or a list of these; None for none.
            turn_complete: Whether the model is to reply now.

        Raises:
            BufferOverflow: If more is held than ``buffer`` allows, and it is not to wait.
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        arguments: dict[str, Any] = {"turn_complete": turn_complete}
        if turns is not None:
            arguments["turns"] = turns
        await self._driver.sender.converse(Call(CONTENT, arguments))

    async def send_context_update(
        self, *, system_instruction: Any = None, tools: Any = None
    ) -> None:
        """Change the system instruction or the tools, as the SDK's method of this name.

        Args:
            system_instruction: The new instruction; None to leave it.
            tools: The new tools; None to leave them.

        Raises:
            BufferOverflow: If more is held than ``buffer`` allows, and it is not to wait.
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        update = {"system_instruction": system_instruction, "tools": tools}
        await self._driver.sender.converse(Call(UPDATE, update))

    async def send_realtime_input(
        self,
        *,
        media: Any = None,
        audio: types.BlobOrDict | dict[str, Any] | None = None,
        audio_stream_end: bool | None = None,
        video: Any = None,
        text: str | None = None,
        activity_start: types.ActivityStartOrDict | None = None,
        activity_end: types.ActivityEndOrDict | None = None,
    ) -> None:
        """Send one piece of realtime input, as the SDK's method of this name.

        A text is kept as typed turns are. Nothing waits for a connection: during an outage the
        newest ``audio_buffer`` seconds of audio are held, and the newest image, and sent once the
        session is back. For a full socket it waits as the SDK does, ``stall_timeout`` seconds at
        most. What was on its way when a connection died is sent again where the handle says what
        it covers: in transparent resumption.

        Args:
            media: A chunk of audio or an image.
            audio: A chunk of audio.
            audio_stream_end: Whether the audio pauses.
            video: An image.
            text: A text.
            activity_start: The user begins to speak.
            activity_end: The user has spoken.

        Raises:
            BufferOverflow: If more is held than ``buffer`` or ``media_buffer`` allows, and it is
                neither to wait nor to drop the oldest.
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        writer = self._driver.sender.writer
        if writer is not None and writer.lean and audio.__class__ is writer.blob:
            # What every frame of audio costs beside the SDK's own call stands here. A dict may hold
            # a buffer that its caller fills again: it takes the way on which it is copied.
            blob: Any = audio
            meter, data = writer.meter, blob.data
            if blob.mime_type is meter.kind and data.__class__ is bytes:
                meter.bytes += len(data)
            else:
                data = writer.note(blob)
            writer.begun += 1
            if writer.watch is None:
                writer.look_later()
            try:
                await writer.send_realtime_input(
                    media=media,
                    audio=audio,
                    audio_stream_end=audio_stream_end,
                    video=video,
                    text=text,
                    activity_start=activity_start,
                    activity_end=activity_end,
                )
            except Exception as error:
                audio = writer.failed(audio, data, error)
            else:
                if not writer.connection.cut:
                    return
                audio = writer.unwritten(audio, data)
            finally:
                writer.over += 1
            if audio is None:
                return
        arguments = {
            "media": media,
            "audio": audio,
            "audio_stream_end": audio_stream_end,
            "video": video,
            "text": text,
            "activity_start": activity_start,
            "activity_end": activity_end,
        }
        if text is not None and sum(value is not None for value in arguments.values()) == 1:
            await self._driver.sender.converse(Call(REALTIME, {"text": text}))
        else:
            await self._driver.sender.stream(arguments)

    async def send_tool_response(self, *, function_responses: Any) -> None:
        """Send the results of tool calls, as the SDK's method of this name.

        A result for a call that was cancelled, because its connection was lost, is not sent. It is
        kept for when the model makes the same call again.

        Args:
            function_responses: A function response or a list of them.

        Raises:
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        await self._driver.sender.answer(function_responses)

    async def send(self, *, input: Any = None, end_of_turn: bool | None = False) -> None:  # noqa: A002
        """Send input of any kind: the SDK's deprecated method of this name, with its warning.

        It is translated into the other methods, for every kind of input that the SDK takes, so it
        is held, replayed and counted as theirs is.

        Args:
            input: What to send.
            end_of_turn: Whether the model is to reply now.

        Raises:
            SessionClosed: If the session is closed by its owner.
            Exception: Whatever ended the session, or what the SDK raises for a bad argument.
        """
        warnings.warn(
            "send() is deprecated; use send_client_content(), send_realtime_input() or"
            " send_tool_response()",
            DeprecationWarning,
            stacklevel=2,
        )
        for call in await self._driver.sender.translate(input, end_of_turn=bool(end_of_turn)):
            await getattr(self, call.method)(**call.arguments)

    def __del__(self) -> None:
        driver = getattr(self, "_driver", None)
        if driver is not None and driver.abandon():
            warnings.warn(
                f"{self!r} is garbage and was never closed; use it in `async with`",
                ResourceWarning,
                source=self,
                stacklevel=1,
            )

    def __repr__(self) -> str:
        state = "new"
        if self._driver.error is not None:
            state = f"ended by {type(self._driver.error).__name__}"
        elif self._driver.connection is not None:
            state = "connected" if self._driver.connection.alive else "reconnecting"
        return f"<ResumableSession {self.name} model={self._model!r} {state}>"

    def _newest(self, name: str) -> Any:
        connection = self._driver.connection
        return None if connection is None else getattr(connection.session, name, None)


def is_local(message: types.LiveServerMessage) -> bool:
    """Tell whether a message that ``receive()`` has yielded is the session's own.

    So are the ``interrupted`` of a reply that a lost connection has cut, the ``turn_complete`` that
    no server will send any more, and the cancellation of a tool call that nobody waits for.

    Args:
        message: The message.
    """
    return type(message).__module__.startswith(f"{__package__}.")
