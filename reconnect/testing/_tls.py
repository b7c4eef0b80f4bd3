"""TLS on the server's side: the network's bytes on one side, the application's on the other.

Built on ``ssl.MemoryBIO``, not on the loop's TLS transports: those read a quarter of a megabyte
ahead, and with uvloop what comes in before ``start_tls`` is lost.
"""

import contextlib
import ssl

_CHUNK = 65536
"""Bytes that are decrypted at once; a TLS record has 16 KiB at most."""


class Tls:
    """The TLS of one connection.

    Args:
        context: The server's.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._established = False
        self.over = False
        """Whether the client has said that it will send nothing more."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the network in, and give those of the application.

        Args:
            data: What was read from the socket.

        Raises:
            ssl.SSLError: If the client did not like the certificate, or speaks no TLS.
        """
        self._incoming.write(data)
        plain = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            if not self._established:
                self._object.do_handshake()
                self._established = True
            while part := self._object.read(_CHUNK):
                plain += part
            self.over = True
        return plain

    def send(self, data: bytes) -> None:
        """Encrypt bytes of the application; they are due to be written then.

        Args:
            data: What to send.
        """
        self._object.write(data)

    def close(self) -> None:
        """Say that nothing more will be sent."""
        with contextlib.suppress(ssl.SSLError):  # the client has not said so yet
            self._object.unwrap()

    def due(self) -> bytes:
        """Give the bytes that are to be written to the socket."""
        return self._outgoing.read()
