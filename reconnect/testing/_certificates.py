"""A throw-away certificate authority, made once per process."""

import functools
import ssl

try:
    import trustme
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        'reconnect.testing needs trustme: pip install "reconnect[testing]", in a checkout'
        ' pip install ".[testing]"',
        name=missing.name,
    ) from missing

HOST = "127.0.0.1"


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


def authority_pem() -> bytes:
    """Give the authority's certificate as PEM, for a client that is to trust the server."""
    return _authority().cert_pem.bytes()


@functools.cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Give the TLS contexts of a server on 127.0.0.1 and of a client that trusts it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert(HOST, "localhost").configure_cert(server)
    client = ssl.create_default_context()
    _authority().configure_trust(client)
    return server, client
