"""What the tests of the session have in common: asking, listening, counting."""

import asyncio

from reconnect import ReconnectPolicy, ResumableSession

TEXT = {"response_modalities": ["TEXT"]}
MODEL = "gemini-live"


def session_on(server, **options):
    """Return a session on an emulator; `options` go to ResumableSession.

    It speaks the dialect of the emulator's profile, unless `vertexai` says which.
    """
    vertexai = options.pop("vertexai", None)
    options.setdefault("model", MODEL)
    options.setdefault("config", TEXT)
    options.setdefault("draw", lambda: 0.5)
    live = options.pop("live", None) or server.client(vertexai=vertexai).aio.live
    return ResumableSession(live, **options)


def user(text):
    """Return a text as a turn of the user's."""
    return {"role": "user", "parts": [{"text": text}]}


async def ask(session, text):
    """Ask and return the reply; what an interruption takes back is dropped, as players do."""
    await session.send_client_content(turns=user(text))
    return await reply(session)


async def reply(session):
    """Return the text of one turn."""
    said = ""
    async for message in session.receive():
        if message.server_content and message.server_content.interrupted:
            said = ""
        said += message.text or ""
    return said


async def settled():
    """Wait until the handle that covers the last turn has come."""
    await asyncio.sleep(1)


def asked(server):
    """Return the texts of the turns that the model received, over all connections."""
    return [heard.value for heard in server.heard if heard.kind == "turn"]


def remembered(server):
    """Return the user's texts in the newest session's context."""
    return [known.value for known in server.context if known.role == "user"]


def handles(server):
    """Return the handle each dial was opened with; None for a fresh one."""
    return [connection.handle for connection in server.connections]


QUICK = ReconnectPolicy(base=0.1, cap=1.0)


def kinds(events):
    """Return the types of events, in order."""
    return [type(event) for event in events]
