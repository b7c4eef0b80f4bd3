"""A client whose live sessions survive the loss of their connections.

`ResumableClient` takes the place of ``genai.Client``; `install` changes every client of the
process. Either way ``client.aio.live.connect()`` opens a `ResumableSession` that is an
``AsyncSession`` of the SDK as well.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self, cast

from google import genai
from google.genai.client import AsyncClient
from google.genai.live import AsyncLive, AsyncSession

from ._driver.config import asks_for_audio, checked_config
from ._driver.dry_run import calls_of
from ._driver.sdk import connects
from .options import ReconnectOptions
from .session import ResumableSession

if TYPE_CHECKING:
    from google.genai import types

__all__ = ["ResumableClient", "install"]


class ResumableClient(genai.Client):
    """The SDK's client, with live sessions that survive the loss of their connections.

    Everything except ``aio.live.connect()`` works as in the SDK.

    Args:
        reconnect: The options of its sessions; None for the defaults of `ReconnectOptions`.
        **client_arguments: The arguments of ``genai.Client``.

    Raises:
        TypeError: If ``reconnect`` is not a `ReconnectOptions`.
    """

    _wrapped: genai.Client | None = None

    def __init__(
        self, *, reconnect: ReconnectOptions | None = None, **client_arguments: Any
    ) -> None:
        options = _checked(reconnect)
        super().__init__(**client_arguments)
        self.aio._live = _ResumableLive(self.aio.live, options)

    @classmethod
    def wrap(cls, client: genai.Client, options: ReconnectOptions | None = None) -> Self:
        """Return a client that shares everything with an existing one except its live sessions.

        Args:
            client: The existing client. It is not changed, and is kept alive, because garbage
                collection would close it.
            options: The options of the sessions; None for the defaults.

        Raises:
            TypeError: If ``client`` is not a ``genai.Client``, or ``options`` is not a
                `ReconnectOptions`.
        """
        if not isinstance(client, genai.Client):
            raise TypeError(f"client must be a genai.Client, got {client!r}")
        live = _ResumableLive(client.aio.live, _checked(options))
        made = cls.__new__(cls)
        vars(made).update(vars(client))
        made._wrapped = client
        made._aio = _SharedAio.__new__(_SharedAio)
        vars(made._aio).update(vars(client.aio), _live=live)
        return made

    def __del__(self) -> None:
        # The SDK's closes what a wrapped client may still use.
        if self._wrapped is None:
            super().__del__()


class _SharedAio(AsyncClient):
    """The ``aio`` of a client that is wrapped, but for its live sessions."""

    def __del__(self) -> None:
        """Close nothing: the SDK's (2.34) closes what the wrapped client may still use."""


def _checked(options: ReconnectOptions | None) -> ReconnectOptions:
    """Return options, or the defaults for None; raise for what is neither."""
    if options is None:
        return ReconnectOptions()
    if not isinstance(options, ReconnectOptions):
        raise TypeError(f"options must be a ReconnectOptions or None, got {options!r}")
    return options


def install(options: ReconnectOptions | None = None) -> Callable[[], None]:
    """Make the live sessions of every client in this process resumable.

    For frameworks that create their own client. It returns a function that undoes it. A second call
    replaces the options. Open sessions are not affected, and a `ResumableClient` keeps its own
    options.

    Args:
        options: The options of the sessions; None for the defaults.

    Raises:
        TypeError: If ``options`` is not a `ReconnectOptions`.
    """
    _installed.options = _checked(options)
    if AsyncLive.connect not in _installed.beneath:
        # Nobody has installed it, or somebody has put back or put around what they found.
        beneath = AsyncLive.connect
        AsyncLive.connect = _connecting(beneath)  # type: ignore[method-assign]
        _installed.beneath[AsyncLive.connect] = beneath
    return _uninstall


def _uninstall() -> None:
    """Give the SDK its own ``connect()`` back; once is enough."""
    _installed.options = None
    while AsyncLive.connect in _installed.beneath:
        # Else somebody has put a function of theirs around it, which stays.
        AsyncLive.connect = _installed.beneath.pop(AsyncLive.connect)  # type: ignore[method-assign]


class _Installed:
    """What `install` has changed: the options, None for nothing, and what was there before.

    That is by what was put in its place: more than one where others have done so too.
    """

    options: ReconnectOptions | None = None
    beneath: Final[dict[Callable[..., Any], Callable[..., Any]]] = {}


_installed = _Installed()


def _connecting(beneath: Callable[..., Any]) -> Callable[..., Any]:
    """Return what takes the place of the SDK's ``connect()`` while it is installed.

    Args:
        beneath: In whose place it is.
    """

    @asynccontextmanager
    async def connect(
        self: AsyncLive, *, model: str, config: types.LiveConnectConfigOrDict | None = None
    ) -> AsyncIterator[AsyncSession]:
        """Open a resumable session; see `install`."""
        opening: AbstractAsyncContextManager[AsyncSession]
        options = None if connects() else _installed.options
        if options is None:
            # It is installed no more, and called by who has kept it, or by a resumable session.
            opening = beneath(self, model=model, config=config)
        else:
            opening = _LiveSession(_PlainLive(self, beneath), model, config, options)
        async with opening as session:
            yield session

    return connect


class _ResumableLive(AsyncLive):
    """The SDK's ``client.aio.live``, whose sessions are resumable.

    Args:
        live: What it takes the place of, and connects by.
        options: How its sessions are kept alive.
    """

    def __init__(self, live: AsyncLive, options: ReconnectOptions) -> None:
        # A connect() of its own is one of somebody's, and stays beneath.
        vars(self).update({name: it for name, it in vars(live).items() if name != "connect"})
        self._live = live
        self._options = options

    @asynccontextmanager
    async def connect(
        self, *, model: str, config: types.LiveConnectConfigOrDict | None = None
    ) -> AsyncIterator[AsyncSession]:
        """Open a resumable session, as the SDK's method of this name opens one of its own.

        Args:
            model: The model's name.
            config: The configuration of the session; a handle in it resumes.
        """
        opening: AbstractAsyncContextManager[AsyncSession]
        if connects():
            opening = self._live.connect(model=model, config=config)
        else:
            opening = _LiveSession(_PlainLive(self._live), model, config, self._options)
        async with opening as session:
            yield session


class _PlainLive(AsyncLive):
    """What a resumable session connects with: the SDK's sessions, made as they were to be made.

    Args:
        live: What it was opened by.
        connect: The function that connects; None for that of ``live``.
    """

    def __init__(self, live: AsyncLive, connect: Callable[..., Any] | None = None) -> None:
        kept = copy.copy(live)
        kept._api_client = self._api_client = cast("Any", _ApiClient(live._api_client))
        self._connect = kept.connect if connect is None else partial(connect, kept)

    def connect(self, **arguments: Any) -> Any:
        """Connect as was to be connected."""
        return self._connect(**arguments)


class _LiveSession(ResumableSession, AsyncSession):
    """A resumable session that is an ``AsyncSession`` to type checkers and to ``isinstance``.

    Args:
        live: What it connects with.
        model: The model's name.
        config: The configuration of the session.
        options: How it is kept alive.
    """

    def __init__(
        self, live: _PlainLive, model: str, config: Any, options: ReconnectOptions
    ) -> None:
        self._api_client = live._api_client
        checked = checked_config(config)
        # A player of audio needs its turns ended.
        fitting = "own turn" if asks_for_audio(checked) else "same turn"
        given: dict[str, Any] = vars(options) | {"after_cut": options.after_cut or fitting}
        ResumableSession.__init__(self, live, model=model, config=checked, **given)

    @property
    def _ws(self) -> Any:  # type: ignore[override]
        # Made anew each time: one that is kept would keep the session from being garbage.
        return _Socket(self)

    async def _receive(self) -> types.LiveServerMessage:
        # What the SDK's deprecated start_stream() reads by.
        messages: Any = self.receive()
        try:
            message: types.LiveServerMessage = await anext(messages)
        finally:
            await messages.aclose()
        return message


class _ApiClient:
    """The SDK's own client, with the headers that it had when the session was opened.

    pydantic-ai mends a duplicate header while it connects and puts it back: a later connection of
    the session would be refused over it. A copy was rejected: the SDK closes what is garbage.

    Args:
        api_client: The SDK's.
    """

    def __init__(self, api_client: Any) -> None:
        self._api_client = api_client
        options = api_client._http_options
        headers = None if options.headers is None else dict(options.headers)
        self._http_options = options.model_copy(update={"headers": headers})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api_client, name)


class _Socket:
    """What frameworks use of the SDK session's WebSocket, past its methods: a courtesy.

    Args:
        session: The session.
    """

    def __init__(self, session: ResumableSession) -> None:
        self._session = session

    async def send(self, message: str) -> None:
        """Send a client message in its JSON form, by the methods of the session.

        pydantic-ai writes results of tools with media so.

        Args:
            message: The JSON of a ``LiveClientMessage``, in either spelling of its names.

        Raises:
            ValueError: If it is no client message, or a setup.
        """
        for call in calls_of(message):
            await getattr(self._session, call.method)(**call.arguments)

    async def close(self, *_: object, **__: object) -> None:
        """Close the session for good."""
        await self._session.close()
