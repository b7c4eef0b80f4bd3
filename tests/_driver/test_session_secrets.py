"""A session tells no handle and no key, in what it raises, tells or logs."""

import asyncio
import contextlib
import logging

import pytest
from google import genai
from google.auth.credentials import Credentials
from google.genai import errors, types
from talk import QUICK, TEXT, ask, session_on, settled
from telling import told
from websockets.exceptions import InvalidStatus

from reconnect import GaveUp, Lost, ResumableSession
from reconnect.testing import Close, LiveServer, Parrot, Refuse

# Handles


async def test_no_handle_is_told(caplog, capsys):
    """A server that quotes a handle in a close reason, new, old or cut, quotes it to nobody."""
    caplog.set_level(logging.DEBUG, logger="reconnect")
    shown = []
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, said: reported.append(said))

    def on_event(event):
        shown.append(f"{event!r} {event}")
        if isinstance(event, (Lost, GaveUp)):
            shown.append(told(event.error))
            raise LookupError(f"while told {event!r}")  # noqa: TRY004 (any error would do)

    async with LiveServer(Parrot()) as server:
        session = session_on(server, policy=QUICK, on_event=on_event)
        async with session:
            handles = []
            for text in "abc":
                await ask(session, text)
                await settled()
                handles.append(session.handle)
            assert len(set(handles)) == 3
            for handle in (handles[-1], handles[0], handles[0][:12]):
                server.inject(Close(1011, f"no luck with {handle}"))
                await ask(session, "again")
                await settled()
            server.inject(Close(1008, f"API key not valid: {session.handle}"))
            with pytest.raises(Exception, match="API key") as raised:
                await ask(session, "d")
            shown.append(told(raised.value))
            shown.append(repr(session))
            handles.append(session.handle)
    asyncio.get_running_loop().set_exception_handler(None)
    shown += [f"{said!r}" for said in reported]
    # What the emulator logs is the server's side: it quotes what the test has it say.
    own = [r for r in caplog.records if not r.name.startswith("reconnect.testing")]
    logged = map(caplog.handler.format, own)
    text = "\n".join([*shown, *logged, capsys.readouterr().err])
    assert "no luck with <handle>" in text
    assert reported
    for handle in handles:
        if handle is not None:
            assert handle not in text
            assert handle[:12] not in text


async def test_the_config_is_not_shown():
    """A session's repr names its model and its state, and nothing that it was made with."""
    config = {**TEXT, "session_resumption": {"handle": "secret-handle"}}
    session = ResumableSession(lambda: None, model="m", config=config)
    assert repr(session) == f"<ResumableSession {session.name} model='m' new>"


# Keys

KEY = "not-a-real-one"


class Token(Credentials):
    """Credentials that have their token: to get one they would need a thread, and its time."""

    def __init__(self, token):
        super().__init__()
        self.token = token

    def refresh(self, request):
        raise AssertionError(f"{self.token} is good for ever")


class Renewing:
    """A client's live sessions, whose credentials get a token while they connect."""

    def __init__(self, live):
        self._live = live
        self._api_client = live._api_client

    @contextlib.asynccontextmanager
    async def connect(self, **arguments):
        self._api_client._credentials.token = KEY
        async with self._live.connect(**arguments) as session:
            yield session


def reaching(server, **options):
    """Return the options by which a client reaches the server."""
    checked = {"client_args": {"verify": server.ssl}, "async_client_args": {"ssl": server.ssl}}
    return types.HttpOptions(**{"base_url": server.url} | checked | options)


def of_vertex(server, **options):
    """Return a client that has its token from credentials."""
    return genai.Client(
        vertexai=True,
        project="p",
        location="l",
        credentials=Token(KEY),
        http_options=reaching(server, **options),
    )


def past_a_gateway(server):
    """Return a client that has its key in the address."""
    path = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    address = f"{server.url}{path}?key={KEY}".replace("https", "wss")
    return genai.Client(vertexai=True, http_options=reaching(server, base_url=address))


def with_headers(server, headers):
    """Return a client that sends headers of its own."""
    return genai.Client(api_key="none", http_options=reaching(server, headers=headers))


KEYED = {
    "key": lambda server: server.client(api_key=KEY),
    "token": lambda server: server.client(api_key=f"auth_tokens/{KEY}"),
    "express": lambda server: server.client(vertexai=True, api_key=KEY),
    "key in a header": lambda server: with_headers(server, {"x-goog-api-key": KEY}),
    "token in a header": lambda server: with_headers(server, {"Authorization": f"Bearer {KEY}"}),
    "header of a gateway": lambda server: with_headers(server, {"X-Gateway": KEY}),
    "headers of Vertex": lambda server: of_vertex(
        server, headers={"Authorization": f"Bearer {KEY}"}
    ),
    "credentials": of_vertex,
    "address": past_a_gateway,
}
QUOTING = {
    "closing": Close(1008, f"not valid: {KEY}"),
    "setup": Close(1008, f"not valid: {KEY}", during_setup=True),
    "handshake": Refuse(401, headers={"X-Of": KEY}, body=f"not valid: {KEY}"),
}


def logged(caplog):
    """Return what sessions have logged; the emulator logs what a test has told it to say."""
    lines = [record.getMessage() for record in caplog.records if record.name == "reconnect"]
    assert lines
    return "\n".join(lines)


async def ends_without_a_key(server, live, config, caplog):
    """Open a session that the server ends, and fail if a key is told."""
    caplog.set_level(logging.DEBUG, "reconnect")
    events = []
    session = session_on(server, live=live, config=config, on_event=events.append)
    with pytest.raises((errors.APIError, InvalidStatus)) as caught:
        async with session:
            await ask(session, "a")
    assert "<key>" in told(caught.value)
    for text in (logged(caplog), repr(events), told(caught.value)):
        assert KEY not in text


@pytest.mark.filterwarnings("ignore:The SDK's ephemeral token support")
@pytest.mark.parametrize("fault", QUOTING.values(), ids=QUOTING)
@pytest.mark.parametrize("client", KEYED.values(), ids=KEYED)
async def test_session_tells_no_key(client, fault, caplog):
    """No key is in an event, a log line or a traceback, wherever it is had from and quoted."""
    async with LiveServer(faults=[fault]) as server:
        await ends_without_a_key(server, client(server).aio.live, TEXT, caplog)


@pytest.mark.parametrize("fault", QUOTING.values(), ids=QUOTING)
async def test_session_tells_no_key_of_its_own(fault, caplog):
    """A key that only the session has, in its configuration, is told no more than a client's."""
    config = TEXT | {"http_options": {"headers": {"Authorization": f"Bearer {KEY}"}}}
    async with LiveServer(faults=[fault]) as server:
        await ends_without_a_key(server, server.client().aio.live, config, caplog)


@pytest.mark.parametrize("fault", QUOTING.values(), ids=QUOTING)
async def test_session_tells_no_token_that_it_gets(fault, caplog):
    """A token that credentials get while they connect is told no more than one that they had."""
    async with LiveServer(faults=[fault]) as server:
        client = of_vertex(server)
        client._api_client._credentials.token = None
        await ends_without_a_key(server, Renewing(client.aio.live), TEXT, caplog)
