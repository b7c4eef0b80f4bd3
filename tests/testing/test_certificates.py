"""The throw-away certificate authority."""

import ssl

from reconnect.testing._certificates import contexts


def test_contexts_are_made_once():
    """The contexts are the same for the whole process, and the client checks the server."""
    server, client = contexts()
    assert contexts() == (server, client)
    assert client.verify_mode is ssl.CERT_REQUIRED
    assert client.check_hostname
