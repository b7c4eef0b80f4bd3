"""One accepted socket: bytes on one side, WebSocket events on the other.

Built on the Sans-I/O server of ``websockets``, not on its asyncio server: that one answers pings,
acknowledges closes and keeps time on its own, and an emulator must be able to leave each undone.
"""

import asyncio
import http
import json
import os
import socket
import ssl
import struct
from collections.abc import Mapping
from typing import Protocol, cast

from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from ._certificates import contexts
from ._tls import Tls
from ._uplink import Uplink

NO_HANDSHAKE_STATUS = 501
LIVE_ONLY = "This is an emulator of the Live API alone: nothing else is answered."

_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Listener(Protocol):
    """Who is told what happens on a link."""

    def on_request(self, path: str, headers: Mapping[str, str]) -> None:
        """Take the opening handshake of the client."""

    def on_other_request(self) -> None:
        """Take notice of a request that is no handshake, and is being answered."""

    def on_message(self, data: bytes) -> None:
        """Take one whole message."""

    def on_close(self, code: int | None, reason: str) -> None:
        """Take the close frame of the client; the code is None when it has none."""

    def on_lost(self) -> None:
        """Take notice that the socket is closed."""


class Link(asyncio.Protocol):
    """One WebSocket on the server's side.

    Args:
        listener: Who is told what happens.
        transport: The socket that was accepted. Nothing is written to it but through TLS.
    """

    def __init__(self, listener: Listener, transport: asyncio.Transport) -> None:
        self._listener = listener
        self._transport = transport
        self._uplink = Uplink(transport, take=self._take, over=listener.on_lost)
        self._tls = Tls(contexts()[0])
        self._websocket = ServerProtocol(max_size=None)
        self._request: Request | None = None
        self._refused = False
        self._fragments = b""
        self._deaf = False
        self._held = False

    # What asyncio calls

    def data_received(self, data: bytes) -> None:
        """Take bytes in, when the uplink lets them through."""
        self._uplink.came(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Take notice that the socket is closed."""
        self._uplink.lost()

    def _take(self, data: bytes) -> None:
        try:
            plain = self._tls.receive(data)
        except ssl.SSLError:  # the client did not like the certificate: it will know
            self._write()
            self._transport.close()
            return
        if plain and not self._deaf:
            self._websocket.receive_data(plain)
            for event in self._websocket.events_received():
                if isinstance(event, Request):
                    self._request = event
                    self._listener.on_request(event.path, event.headers)
                else:
                    self._take_frame(cast("Frame", event))
            strange = self._websocket.handshake_exc is not None and self._request is None
            if strange and not self._refused:
                self._refuse_other()
        self._flush()  # pongs, and the end of a close that this side began
        if self._tls.over:
            self._transport.close()

    def _refuse_other(self) -> None:
        """Answer what `ServerProtocol` hangs up on, such as a REST call of the SDK's."""
        self._refused = True
        error = {"code": NO_HANDSHAKE_STATUS, "message": LIVE_ONLY, "status": "UNIMPLEMENTED"}
        body = json.dumps({"error": error}).encode()
        headers = Headers()
        headers["Connection"] = "close"
        headers["Content-Length"] = str(len(body))
        headers["Content-Type"] = "application/json"
        phrase = http.HTTPStatus(NO_HANDSHAKE_STATUS).phrase
        self._tls.send(Response(NO_HANDSHAKE_STATUS, phrase, headers, body).serialize())
        self._listener.on_other_request()

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            if self._websocket.close_rcvd_then_sent:  # the client began: `acknowledge` answers
                self._held = True
                close = self._websocket.close_rcvd
                assert close is not None
                self._listener.on_close(close.code if frame.data else None, close.reason)
        elif frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            self._fragments += frame.data
            if frame.fin:
                data, self._fragments = self._fragments, b""
                self._listener.on_message(data)

    # What the connection calls

    def accepting(self) -> Response:
        """Return what answers the handshake; its status is 101 unless it was no such handshake."""
        assert self._request is not None
        return self._websocket.accept(self._request)

    def refusing(self, status: int, headers: Mapping[str, str], body: str) -> Response:
        """Return what answers the handshake with another HTTP status."""
        response = self._websocket.reject(http.HTTPStatus(status), body)
        for name, value in headers.items():
            if name in response.headers:
                del response.headers[name]
            response.headers[name] = value
        return response

    def respond(self, response: Response) -> None:
        """Answer the handshake."""
        self._websocket.send_response(response)
        self._flush()

    @property
    def writable(self) -> bool:
        """Whether messages can be sent: whether neither side has sent a close frame."""
        return self._websocket.state is State.OPEN

    def send(self, data: str | bytes) -> None:
        """Send one message; a str goes as text, bytes as binary."""
        if isinstance(data, str):
            self._websocket.send_text(data.encode())
        else:
            self._websocket.send_binary(data)
        self._flush()

    def close(self, code: int | None, reason: str) -> None:
        """Begin to close the connection, or acknowledge that the client has begun already."""
        if self._held:
            self.acknowledge()
        elif self.writable:
            self._deaf = False  # the client's answer must be read
            self._uplink.resume()
            self._websocket.send_close(code, reason if code is not None else "")
            self._flush()

    def acknowledge(self) -> None:
        """Answer the client's close frame."""
        self._held = False
        self._flush()

    def ignore(self) -> None:
        """Take nothing in any more, and answer no pings."""
        self._deaf = True

    def pause(self) -> None:
        """Read nothing any more: what the client writes fills the buffers on the way."""
        self._uplink.stop()

    def read_at(self, rate: float | None) -> None:
        """Read so many bytes a second, 0 for none at all; None for as fast as they come."""
        self._uplink.read_at(rate)

    def abort(self) -> None:
        """Reset the connection: TCP ends with RST instead of FIN."""
        raw: socket.socket | None = self._transport.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:  # else it is closed already
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self._transport.abort()
        self._uplink.drop()

    def _flush(self) -> None:
        """Write what the WebSocket has to send."""
        if self._held:
            self._write()
            return
        for data in self._websocket.data_to_send():
            if data:
                self._tls.send(data)
            else:
                self._tls.close()  # the client ends TCP when it has read this
        self._write()

    def _write(self) -> None:
        """Write what TLS has to send."""
        data = self._tls.due()
        if data and not self._transport.is_closing():
            self._transport.write(data)
