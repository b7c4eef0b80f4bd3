"""TLS on the server's side, in memory."""

import ssl
import subprocess
import sys

import pytest

from reconnect.testing._certificates import HOST, contexts
from reconnect.testing._tls import Tls


class Client:
    """The other side of a connection, by the library's own hand."""

    def __init__(self, server, *, context=None):
        self.server = server
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or contexts()[1]).wrap_bio(
            self.incoming, self.outgoing, server_hostname=HOST
        )

    def exchange(self):
        """Carry the bytes of both sides over, and return what the server has read."""
        read = self.server.receive(self.outgoing.read())
        self.incoming.write(self.server.due())
        return read

    def shake_hands(self):
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.exchange()


def connected():
    """Return both sides after their handshake."""
    server = Tls(contexts()[0])
    client = Client(server)
    client.shake_hands()
    client.exchange()
    return server, client


def test_bytes_go_both_ways():
    """What one side writes the other reads, however much it is."""
    server, client = connected()
    client.tls.write(b"a" * 10)
    assert client.exchange() == b"a" * 10
    server.send(b"b" * 100_000)
    client.exchange()
    read = b""
    while len(read) < 100_000:
        read += client.tls.read(100_000)
    assert read == b"b" * 100_000
    assert not server.over


def test_a_record_may_come_in_parts():
    """Half a record is nothing yet."""
    server, client = connected()
    client.tls.write(b"whole")
    data = client.outgoing.read()
    assert server.receive(data[:10]) == b""
    assert server.receive(data[10:]) == b"whole"


def test_what_comes_with_the_end_is_read():
    """A client may write and end in one go."""
    server, client = connected()
    client.tls.write(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()
    assert client.exchange() == b"last words"
    assert server.over


def test_the_server_can_end_first():
    """A client reads the end."""
    server, client = connected()
    server.close()
    client.exchange()
    assert client.tls.read(1) == b""


def test_a_client_that_does_not_like_the_certificate_says_so():
    """Its alert is an error, as are bytes that are no TLS."""
    client = Client(Tls(contexts()[0]), context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        client.shake_hands()
    with pytest.raises(ssl.SSLError):
        client.exchange()
    with pytest.raises(ssl.SSLError):
        Tls(contexts()[0]).receive(b"GET / HTTP/1.1\r\n\r\n")


def test_extra_is_named_where_it_is_missing():
    """The import of ``reconnect.testing`` without its extra says what to install."""
    code = "import sys; sys.modules['trustme'] = None; import reconnect.testing"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.stderr.splitlines()[-1] == (
        'ModuleNotFoundError: reconnect.testing needs trustme: pip install ".[testing]" in a clone'
        " of reconnect"
    )
