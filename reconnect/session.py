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
    is lost, the policy decides whether to resume the conversation, start a new session with the
    history, or end with an error. ``receive()`` carries on across the gap.

    While the connection is up, a send is the SDK's own call: same back-pressure, same errors, same
    order. Sending never blocks in an outage: a send returns at once, and a copy of its arguments is
    kept. A bad argument raises the SDK's error, in an outage too.

    Args:
        live: The SDK's ``client.aio.live``, or another object with ``connect(model=, config=)``. Or
            a function, plain or async, that returns one and is called for every attempt: use this
            for credentials that are valid for one connection. If the object has a ``vertexai``
            attribute, it says which backend the object connects to.
        model: The model's name.
        config: The SDK's ``LiveConnectConfig`` or a dict of its fields; None for its defaults.
            Session resumption is always enabled.
        policy: Decides what to do after a loss; None for ``ReconnectPolicy()``.
        history: Turns from before this session: contents or dicts, or a function, plain or async,
            that returns them. A new session receives them together with what was said in this
            session; a resumed session does not.
        handle: The handle of an earlier conversation to continue; None for a new conversation.
        on_event: Called with each event of `reconnect.events`; None for no callback.
        hide: Server messages that ``receive()`` does not yield: ``"go_away"`` and
            ``"session_resumption_update"``; none by default.
        after_cut: What ``receive()`` yields when a reply is cut off and will come again.
            ``"same turn"``: ``interrupted``, and ``receive()`` goes on. ``"own turn"``:
            ``interrupted`` and ``turn_complete``, and the second reply is a separate turn.
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
        index_base: The number of the first message after the setup in transparent resumption.
        continue_with: How to request a reply that was cut off if the resumed session knows the
            question: a text such as ``"Please go on."``, sent as realtime input, or a function that
            takes the model's name and returns a text or None. None chooses by the model's name: the
            text of the question if the model accepts no client content in a running session (Gemini
            3.1), otherwise ``turn_complete`` without turns.
        gate: Limits the rate of attempts of all sessions that share it; None for no limit.
        resume_confirm_timeout: Seconds after a resume within which the server must send a
            ``session_resumption_update`` of any kind. Otherwise the handle counts as rejected, and
            a new session starts with the history. This detects sessions that resume but generate
            nothing; if the server sends updates only with turns, it also replaces idle sessions.
            None disables the check.
        draw: Returns random numbers in [0, 1) that spread out the delays and the moves before a
            go_away.

    Raises:
        TypeError: If ``live`` has no ``connect()``, ``model`` or ``handle`` is not a string,
            ``draw`` is not callable, ``config`` is neither a dict nor a ``LiveConnectConfig``,
            ``on_event`` is not callable or is async, ``policy`` is not a `Policy` (for example, a
            class), ``gate`` is not a gate, a buffer is not a `Limit`, or ``continue_with`` does not
            give a text.
        ValueError: If ``config`` has an unknown field or an invalid value, ``setup_timeout`` or
            ``stall_timeout`` is not positive, ``audio_buffer`` is negative, ``history_limit`` is
            below 1, ``resume_confirm_timeout`` is neither None nor positive, ``hide`` or
            ``after_cut`` has an unknown value, ``full`` has a value that this buffer does not
            allow, ``continue_with`` gives a blank text, or ``index_base`` is not a whole number of
            at least 0.
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
        self._sender = self._driver.sender

    async def __aenter__(self) -> Self:
        """Open the first connection, and return as soon as you can write to it.

        Raises:
            RuntimeError: If the session has been entered before.
            Exception: The error that the policy decided to raise; see `ReconnectPolicy.decide`.
        """
        await self._driver.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session for good; when cancelled, do not wait for the server's answer."""
        cancelled = isinstance(exc, asyncio.CancelledError)
        await (self._driver.close(timeout=0) if cancelled else self._driver.close())

    async def close(self) -> None:
        """Close the session for good: it does not reconnect."""
        await self._driver.close()

    @property
    def name(self) -> str:
        """The name of this session in events and log lines, such as ``12-9f3a1c``.

        It stays the same across connections, while ``session_id`` changes with each. It is not
        secret, and it is unique within the process.
        """
        return self._driver.name

    @property
    def handle(self) -> str | None:
        """The newest handle; None if there is none yet. Store it to resume in another process.

        It gives access to this conversation, so treat it like a password and keep it out of logs.
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
            """The session id of the newest connection; None if the server sent none."""
            return getattr(self._driver.session, "session_id", None)

        @property
        def setup_complete(self) -> types.LiveServerSetupComplete | None:
            """The newest connection's setupComplete."""
            return getattr(self._driver.session, "setup_complete", None)

    @property
    def stats(self) -> Stats:
        """The totals of all gaps since the start: the sums of their `Continuity`.

        Dropped audio appears in ``lost_audio`` at once.
        """
        return self._driver.facts.stats

    def receive(self) -> AsyncIterator[types.LiveServerMessage]:
        """Yield the server's messages up to the end of the turn, like the SDK's method.

        A lost connection does not end the turn: the rest comes from the next connection. If a reply
        is cut off, it is requested again; a message with ``server_content.interrupted`` comes
        first, so that your player can drop the partial reply.

        Raises:
            SessionClosed: If the session was closed.
            RuntimeError: If another task is already iterating; that task is not affected.
            Exception: The error that ended the session; see `ReconnectPolicy.decide`.
        """
        self._driver.check_entered()
        # The generator itself: a wrapper around it would cost every message.
        return self._driver.reader.turn(self)

    async def send_client_content(self, *, turns: Any = None, turn_complete: bool = True) -> None:
        """Send turns to the model, like the SDK's method of the same name.

        A send waits only when ``buffer`` is full. The turns are kept until a handle covers them. If
        a connection is lost and the server may not know them, they are sent again: twice is better
        than never.

        Args:
            turns: A content, a dict, or a list of these; None for no turns.
            turn_complete: Whether the model is to reply now.

        Raises:
            BufferOverflow: If ``buffer`` is full, and its ``full`` is ``"raise"``.
            SessionClosed: If the session was closed.
            Exception: The error that ended the session, or the SDK's error for a bad argument.
        """
        arguments: dict[str, Any] = {"turn_complete": turn_complete}
        if turns is not None:
            arguments["turns"] = turns
        await self._sender.converse(Call(CONTENT, arguments))

    async def send_context_update(
        self, *, system_instruction: Any = None, tools: Any = None
    ) -> None:
        """Change the system instruction or the tools, like the SDK's method of the same name.

        Args:
            system_instruction: The new instruction; None to leave it unchanged.
            tools: The new tools; None to leave them unchanged.

        Raises:
            BufferOverflow: If ``buffer`` is full, and its ``full`` is ``"raise"``.
            SessionClosed: If the session was closed.
            Exception: The error that ended the session, or the SDK's error for a bad argument.
        """
        update = {"system_instruction": system_instruction, "tools": tools}
        await self._sender.converse(Call(UPDATE, update))

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
        """Send one piece of realtime input, like the SDK's method of the same name.

        Sending never blocks in an outage. Text is kept like a typed turn; of audio, the last
        ``audio_buffer`` seconds are kept, and of video, the last image. All of it is sent once the
        session is back. If the socket is full, a send waits as in the SDK, but at most
        ``stall_timeout`` seconds. Audio that was sent but did not arrive is resent only with
        transparent resumption.

        Args:
            media: A chunk of audio or an image.
            audio: A chunk of audio.
            audio_stream_end: Whether the audio stream pauses here.
            video: An image.
            text: A text.
            activity_start: Marks that the user begins to speak.
            activity_end: Marks that the user has stopped speaking.

        Raises:
            BufferOverflow: If ``buffer`` or ``media_buffer`` is full, and its ``full`` is
                ``"raise"``.
            SessionClosed: If the session was closed.
            Exception: The error that ended the session, or the SDK's error for a bad argument.
        """
        writer = self._sender.writer
        if writer is not None and type(audio) is writer.lean:
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
                audio = writer.unwritten(audio, data, error)
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
            await self._sender.converse(Call(REALTIME, {"text": text}))
        else:
            await self._sender.stream(arguments)

    async def send_tool_response(self, *, function_responses: Any) -> None:
        """Send the results of tool calls, like the SDK's method of the same name.

        If a call was cancelled because its connection was lost, its result is not sent. The result
        is kept, and the model gets it if it makes the same call again.

        Args:
            function_responses: A function response or a list of them.

        Raises:
            SessionClosed: If the session was closed.
            Exception: The error that ended the session, or the SDK's error for a bad argument.
        """
        await self._sender.answer(function_responses)

    async def send(self, *, input: Any = None, end_of_turn: bool | None = False) -> None:  # noqa: A002
        """Send input of any kind, like the SDK's deprecated method of the same name, and warn.

        The input is passed on to the other methods, so it is kept and resent like theirs.

        Args:
            input: What to send.
            end_of_turn: Whether the model is to reply now.

        Raises:
            SessionClosed: If the session was closed.
            Exception: The error that ended the session, or the SDK's error for a bad argument.
        """
        warnings.warn(
            "send() is deprecated; use send_client_content(), send_realtime_input() or"
            " send_tool_response()",
            DeprecationWarning,
            stacklevel=2,
        )
        for call in await self._sender.translate(input, end_of_turn=bool(end_of_turn)):
            await getattr(self, call.method)(**call.arguments)

    def __del__(self) -> None:
        driver = getattr(self, "_driver", None)
        if driver is not None and driver.abandon():
            told = f"{self!r} was never closed; use it in `async with`"
            warnings.warn(told, ResourceWarning, source=self, stacklevel=1)

    def __repr__(self) -> str:
        return f"<ResumableSession {self.name} model={self._model!r} {self._driver.state}>"
