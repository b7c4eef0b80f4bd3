"""A throw-away certificate authority, made once per process."""

import functools
import ssl
import threading
from collections.abc import Callable
from typing import TypeVar

try:
    import trustme
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        'reconnect.testing needs trustme: pip install ".[testing]" in a clone of reconnect',
        name=missing.name,
    ) from missing

HOST = "127.0.0.1"

_T = TypeVar("_T")

_making = threading.RLock()


def _once(make: Callable[[], _T]) -> Callable[[], _T]:
    """Make something once, whichever threads ask for it at a time.

    A cache alone would let two of them make it, and a server and its client trust two authorities.
    """
    made = functools.cache(make)

    @functools.wraps(make)
    def get() -> _T:
        with _making:
            return made()

    return get


@_once
def _authority() -> trustme.CA:
    return trustme.CA()


def authority_pem() -> bytes:
    """Give the authority's certificate as PEM, for a client that is to trust the server."""
    return _authority().cert_pem.bytes()


@_once
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give the TLS contexts of a server on 127.0.0.1 and of a client that trusts it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert(HOST, "localhost").configure_cert(server)
    client = ssl.create_default_context()
    _authority().configure_trust(client)
    return server, client
