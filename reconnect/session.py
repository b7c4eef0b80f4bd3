"""The session: has the methods of the SDK's session, and leaves all they do to the driver."""

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

__all__ = ["ResumableSession"]


class ResumableSession:
    """A Gemini Live session that survives the loss of its connections.

    It has the methods of the SDK's own session; only ``connect()`` is replaced. When a connection
    is lost, the policy decides: the session resumes the conversation, starts a new session with the
    history, or ends with an error. ``receive()`` carries on across the gap.

    While the connection is up, a send is the SDK's own call: same back-pressure, same errors, same
    order. A send never blocks in an outage: it returns at once, and a copy of its arguments is
    kept. A bad argument raises what the SDK raises, in an outage too.

    Args:
        live: The SDK's ``client.aio.live``, or another object with ``connect(model=, config=)``; or
            a function, plain or async, that returns one, which is called for every attempt: for
            credentials that are good for one connection. Its ``vertexai`` attribute, if it has one,
            says which backend it connects to.
        model: The model's name.
        config: The SDK's ``LiveConnectConfig`` or a dict of its fields; None for its defaults.
            Session resumption is always switched on.
        policy: Decides what a loss leads to; None for ``ReconnectPolicy()``.
        history: Turns from before this session: contents or dicts, or a function, plain or async,
            that returns them. A new session is sent them, together with what was said in this
            session; a resumed one is not.
        handle: The handle of an earlier conversation, to go on with it; None for a new one.
        on_event: Called with each event of `reconnect.events`; None for no callback.
        hide: Messages of the server that ``receive()`` does not yield: ``"go_away"`` and
            ``"session_resumption_update"``; none by default.
        after_cut: What ``receive()`` yields when a reply is cut off and will be given again.
            ``"same turn"``: ``interrupted``, and ``receive()`` goes on. ``"own turn"``:
            ``interrupted`` and ``turn_complete``, and the second reply is a turn of its own.
        setup_timeout: Seconds that an attempt may take to fetch the history and ``live``, and again
            to connect and set up.
        stall_timeout: Seconds that a send waits for a server that does not read. Then the
            connection is given up and the send returns; what it sent is kept for the next
            connection.
        audio_buffer: Seconds of audio that are kept in an outage; the oldest is dropped first.
        buffer: How much is kept of typed turns, context and updates until a handle covers them.
            When it is full, a send waits or raises `BufferOverflow`, as its ``full`` says.
        media_buffer: How much realtime input is kept in an outage, and in transparent resumption
            until a handle covers it. When it is full, the oldest is dropped or `BufferOverflow` is
            raised, as its ``full`` says.
        history_limit: Characters that a new session is sent at most, of ``history`` and of what was
            said since; the oldest turns are left out first.
        reuse_tool_results: Whether a result that was produced for a lost tool call is given to the
            model when it makes the same call again, so that the tool does not run twice.
        index_base: The number of the first message after the setup in transparent resumption.
        continue_with: The text that requests a reply that was cut off, if the resumed session knows
            the question: ``"Please go on."``, say, which is sent as realtime input; or a function
            of the model's name that returns one. None chooses by the model's name: the words of the
            question if the model takes no client content in a session (Gemini 3.1), otherwise
            ``turn_complete`` without turns.
        gate: Limits the attempts of the sessions that share it; None for no limit.
        resume_confirm_timeout: Seconds after a resume within which the server must send a
            ``session_resumption_update`` of any kind. Otherwise the handle counts as rejected, and
            a new session is sent the history. It detects sessions that are open after a resume and
            generate nothing; if the server sends updates only with turns, it also replaces idle
            ones. None for no such check.
        draw: Returns random numbers in [0, 1), which spread the delays and the moves before a
            go_away.

    Raises:
        TypeError: If ``live`` has no ``connect()``, ``model`` or ``handle`` is not a text, ``draw``
            cannot be called, ``config`` is neither dict nor ``LiveConnectConfig``, ``on_event``
            cannot be called or is async, ``policy`` is not a `Policy` (a class, say), ``gate`` is
            no gate, a buffer is not a `Limit`, or ``continue_with`` gives no text.
        ValueError: If ``config`` has an unknown field or a wrong value, ``setup_timeout`` or
            ``stall_timeout`` is not positive, ``audio_buffer`` negative, ``history_limit`` below 1,
            ``resume_confirm_timeout`` neither None nor a positive number, ``hide`` or ``after_cut``
            is none of those named, a buffer's ``full`` is one that it does not allow,
            ``continue_with`` gives a text without a word, or ``index_base`` is not a whole number,
            0 or more.
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
        from ._driver.driver import Driver  # noqa: PLC0415
        from ._driver.settings import Settings  # noqa: PLC0415

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
        self._model = model
        settings = Settings(live, model, config, history, handle, options, index_base, draw)
        self._driver = Driver(settings)

    async def __aenter__(self) -> Self:
        """Open the first connection, and return as soon as the caller can write to it.

        Raises:
            RuntimeError: If the session has been entered before.
            Exception: What the policy raised; see `ReconnectPolicy.decide`.
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
        """Close the session for good: no connection follows."""
        await self._driver.close()

    @property
    def name(self) -> str:
        """The name by which events and log lines call this session, such as ``12-9f3a1c``.

        It stays the same over all connections, whose ``session_id`` changes with each. It is not
        secret, and no two sessions of a process have the same.
        """
        return self._driver.name

    @property
    def handle(self) -> str | None:
        """The newest handle, to be kept for another process; None while there is none.

        It is as good as a password for this conversation: keep it out of logs.
        """
        return self._driver.conversation.handle

    if TYPE_CHECKING:
        # As the SDK's session has them. To a type checker no class has both these and properties
        # of the same names, and what follows an ``isinstance`` of the other would go unchecked.
        session_id: str | None
        setup_complete: types.LiveServerSetupComplete | None
    else:

        @property
        def session_id(self) -> str | None:
            """The id of the newest connection's session; None where the server gave none."""
            return getattr(self._driver.session, "session_id", None)

        @property
        def setup_complete(self) -> types.LiveServerSetupComplete | None:
            """The newest connection's setupComplete."""
            return getattr(self._driver.session, "setup_complete", None)

    @property
    def stats(self) -> Stats:
        """What the gaps since the start have cost: the sums of their `Continuity`.

        Audio that is dropped is in ``lost_audio`` at once.
        """
        return self._driver.facts.stats

    def receive(self) -> AsyncIterator[types.LiveServerMessage]:
        """Yield the messages of the server up to the end of the turn, as the SDK's does.

        A lost connection does not end the turn: its rest comes from the next connection. If a reply
        is cut off it is requested again; a message with ``server_content.interrupted`` comes first,
        so that a player can drop the partial reply.

        Raises:
            SessionClosed: If the session was closed.
            RuntimeError: If another task is iterating; that one goes on.
            Exception: What ended the session; see `ReconnectPolicy.decide`.
        """
        self._driver.check_entered()
        # The generator itself: a wrapper around it would cost every message.
        return self._driver.reader.turn(self)

    async def send_client_content(self, *, turns: Any = None, turn_complete: bool = True) -> None:
        """Send turns to the model, as the SDK's method of this name.

        A send waits only when ``buffer`` is full. The turns are kept until a handle covers them. If
        a connection is lost and it is not certain that the server knows them, they are sent again:
        twice is better than never.

        Args:
            turns: A content, a dict or a list of these; None for none.
            turn_complete: Whether the model is to reply now.

        Raises:
            BufferOverflow: If ``buffer`` is full, and its ``full`` is ``"raise"``.
            SessionClosed: If the session was closed.
            Exception: What ended the session, or what the SDK raises for a bad argument.
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
            BufferOverflow: If ``buffer`` is full, and its ``full`` is ``"raise"``.
            SessionClosed: If the session was closed.
            Exception: What ended the session, or what the SDK raises for a bad argument.
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

        A send never blocks in an outage: a text is kept like a typed turn, of audio the last
        ``audio_buffer`` seconds are kept, of video the last image, and all are sent when the
        session is back. A full socket makes it wait as the SDK does, ``stall_timeout`` seconds at
        most. Audio that was sent and did not arrive is sent again in transparent resumption only.

        Args:
            media: A chunk of audio or an image.
            audio: A chunk of audio.
            audio_stream_end: Whether the audio pauses.
            video: An image.
            text: A text.
            activity_start: The user begins to speak.
            activity_end: The user has spoken.

        Raises:
            BufferOverflow: If ``buffer`` or ``media_buffer`` is full, and its ``full`` is
                ``"raise"``.
            SessionClosed: If the session was closed.
            Exception: What ended the session, or what the SDK raises for a bad argument.
        """
        writer = self._driver.sender.writer
        if writer is not None and writer.lean and audio.__class__ is writer.blob:
            # What every frame of audio costs beside the SDK's own call stands here. A dict may hold
            # a buffer that its caller fills again: it takes the way on which it is copied.
            blob: Any = audio
            meter, data = writer.meter, blob.data
            if blob.mime_type == meter.kind and data.__class__ is bytes:
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
        kept, and given to the model if it makes the same call again.

        Args:
            function_responses: A function response or a list of them.

        Raises:
            SessionClosed: If the session was closed.
            Exception: What ended the session, or what the SDK raises for a bad argument.
        """
        await self._driver.sender.answer(function_responses)

    async def send(self, *, input: Any = None, end_of_turn: bool | None = False) -> None:  # noqa: A002
        """Send input of any kind: the SDK's deprecated method of this name, with its warning.

        It is translated into the other methods, so its input is kept and sent again as theirs is.

        Args:
            input: What to send.
            end_of_turn: Whether the model is to reply now.

        Raises:
            SessionClosed: If the session was closed.
            Exception: What ended the session, or what the SDK raises for a bad argument.
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
            told = f"{self!r} was never closed; use it in `async with`"
            warnings.warn(told, ResourceWarning, source=self, stacklevel=1)

    def __repr__(self) -> str:
        return f"<ResumableSession {self.name} model={self._model!r} {self._driver.state}>"
