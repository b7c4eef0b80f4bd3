"""A resumable client of an emulator, and its sessions."""

from google.genai import types
from talk import MODEL, QUICK, TEXT

from reconnect import (
    ReconnectOptions,
    ResumableClient,
)

OPTIONS = ReconnectOptions(policy=QUICK)


def client_of(server, options=OPTIONS, **arguments):
    """Return a resumable client of an emulator."""
    http_options = types.HttpOptions(
        base_url=server.url,
        client_args={"verify": server.ssl},
        async_client_args={"ssl": server.ssl},
        **arguments,
    )
    return ResumableClient(reconnect=options, api_key="key", http_options=http_options)


def connect(client, config=TEXT):
    """Return what opens a session."""
    return client.aio.live.connect(model=MODEL, config=config)
