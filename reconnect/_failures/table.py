"""The error table: which failure is which, and why.

It is data: read from the top, and the first row that matches counts. The same bytes need different
reactions. A 1008 during the setup of a resume means that the handle is rejected; during the setup
of a new session, that nothing will ever work; after a go_away, that the connection had reached its
age. So a row may ask for all that is known of a loss. In the order of strength: what the caller
did, go_away, the phase, whether a handle was sent, the text, the age, and whether the same thing
has happened before.

The Live API closes with what is behind it: a ``google.rpc.Code``. Its usual message becomes the
reason, and the close code says which family it is of. INVALID_ARGUMENT and FAILED_PRECONDITION
come as 1007; NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED and ABORTED as 1008; INTERNAL,
UNAVAILABLE, DEADLINE_EXCEEDED and RESOURCE_EXHAUSTED as 1011; CANCELLED as 1000. So a reason that
no one has reported yet is most likely classified right by its code, or by the stem of its text.

Close reasons hold at most 123 bytes (RFC 6455, section 5.5) and arrive cut, so texts are matched
as fragments, in lower case. ``"token ... exceed"`` asks for the two parts in this order.
"""

from __future__ import annotations

from typing import Final

from .loss import ABNORMAL_CLOSURE, NORMAL_CLOSURE, PROOF_AGE, TEST_BROKE, Family, Phase
from .rows import PART_OF_SETUP, FailureKind, Row

__all__ = ["TABLE"]

_UNDER_WAY: Final = 1.0
"""Seconds: from this age on a connection has been given something to do."""

_LIFETIME: Final = 420.0
"""Seconds: connections reach their age limit at seven minutes at the earliest."""

_ONCE_BEFORE: Final = 1
"""With this and the one at hand it is the second time."""

_TWICE_BEFORE: Final = 2
"""With these and the one at hand it is the third time: an internal error of the server's comes
twice in a row by chance, and a server that restarts may need as many attempts."""

_CLOSE: Final = frozenset({Family.CLOSE})
_STATUS: Final = frozenset({Family.STATUS})
_HANDSHAKE: Final = frozenset({Family.HANDSHAKE})
_NETWORK: Final = frozenset({Family.TRANSPORT})
_FOREIGN: Final = frozenset({Family.FOREIGN})
_ANSWERED: Final = _CLOSE | _STATUS
_SAID: Final = _ANSWERED | _HANDSHAKE
_SETUP: Final = frozenset({Phase.SETUP})
_SESSION: Final = frozenset({Phase.SESSION})
_ANSWERING: Final = _SETUP | _SESSION

_REFUSALS: Final = frozenset({1000, 1002, 1003, 1007, 1008, 1009, 1010})
"""Close codes by which what was sent is refused, rather than the connection ended."""

_CUT: Final = frozenset({ABNORMAL_CLOSURE, 1001, 1012, 1014, 1015})
"""Close codes that speak of the line and of the server, and never of what was sent."""

_TELLING: Final = frozenset(range(1000, 5000)) - _CUT - {1013, 3000, 3003}
"""Close codes whose repetition tells something. Only after setupComplete: a setup that is refused
with an internal error may but have come before the server had closed the session's old socket."""

_CONFIGURATION: Final = (
    PART_OF_SETUP,
    "model configuration",
    "this configuration",
    "session configuration",
    "not supported ... model",
    "not supported ... config",
    "unsupported ... model",
    "unsupported ... config",
    "for api version",
    "model ... not found",
    "model ... not available",
    "models/ ... not found",
    "publisher model",
)
"""What a refusal says that speaks of the model and of what is asked of it."""

_REFUSED_IN_A_CALL: Final = "https://github.com/hkjarral/AVA-AI-Voice-Agent-for-Asterisk/issues/541"
_LIVE_SESSION: Final = "https://ai.google.dev/gemini-api/docs/live-session"
_RPC: Final = "https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto"
_RFC6455: Final = "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"
_IANA: Final = "https://www.iana.org/assignments/websocket/websocket.xhtml"
_HTTP: Final = "https://www.rfc-editor.org/rfc/rfc9110#section-15"
_PR_5007: Final = "https://github.com/google/adk-python/pull/5007"
_WEBSOCKETS: Final = "https://websockets.readthedocs.io/en/stable/reference/exceptions.html"

TABLE: Final[tuple[Row, ...]] = (
    # What the caller did.
    Row(
        kind=FailureKind.CLEAN,
        why="The caller had asked to close, so the session has ended, whatever the error says.",
        source=_PR_5007,
        closing=True,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The credentials of this machine could not be loaded. Nothing was connected to yet.",
        source="https://googleapis.dev/python/google-auth/latest/reference/google.auth.exceptions.html",
        family=_FOREIGN,
        names=frozenset({"GoogleAuthError"}),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="Not a failure of a connection, but a bug or a bad argument. A retry would hide it.",
        source=_PR_5007,
        family=_FOREIGN,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The emulator says that the model of a test raised an exception. A retry would hide "
        "this mistake in the test.",
        source="the default of this library",
        family=_CLOSE,
        codes=frozenset({TEST_BROKE}),
        phase=_SESSION,
    ),
    # What the caller does not wait for any longer.
    Row(
        kind=FailureKind.HANDLE_REJECTED,
        why="No update came within the caller's resume_confirm_timeout after a resume. Some "
        "resumed sessions are open, hear the user, and generate nothing.",
        source="https://github.com/yagudaev/voiceclaw/pull/255",
        family=_NETWORK,
        names=frozenset({"ResumeUnconfirmed"}),
        resumed=True,
    ),
    # What the server had announced.
    Row(
        kind=FailureKind.TRANSIENT,
        why="The server had sent go_away. The code that it closes with then says nothing: the "
        "connection ends, the session does not.",
        source=_LIVE_SESSION,
        family=_CLOSE | _NETWORK,
        phase=_SESSION,
        go_away=True,
    ),
    # Texts that mean the same in every phase.
    Row(
        kind=FailureKind.THROTTLED,
        why="The server says that it throttles. Neither the handle nor the request is at fault.",
        source="https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429",
        family=_SAID,
        text=("throttl",),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The credit is used up, or a spending cap is reached. Waiting does not help.",
        source="https://github.com/sonichi/sutando/pull/569",
        family=_SAID,
        text=(
            "credits are depleted",
            "credit balance",
            "billing account",
            "billing to be enabled",
            "billing is not enabled",
            "billing is disabled",
            "billing_disabled",
            "enable billing",
            "spending cap",
            "spending limit",
            "spend cap",
            "insufficient balance",
        ),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The quota is zero: this project may not use the model.",
        source="https://github.com/continuedev/continue/issues/12643",
        family=_SAID,
        text=("quota ... limit: 0,",),
    ),
    Row(
        kind=FailureKind.THROTTLED,
        why="A quota or the number of concurrent sessions is used up for the moment.",
        source="https://github.com/googleapis/python-genai/issues/874",
        family=_SAID,
        text=(
            "exceed ... quota",
            "quota ... exceed",
            "quota ... exhausted",
            "out of quota",
            "resource exhausted",
            "resource_exhausted",
            "resource has been exhausted",
            "rate limit",
            "rate_limit",
            "ratelimit",
            "too many requests",
            "too many sessions",
            "too many concurrent",
            "concurrent session",
            "maximum concurrent",
            "no capacity available",
        ),
    ),
    Row(
        kind=FailureKind.CONTEXT_EXHAUSTED,
        why="The conversation no longer fits into the model's context.",
        source=_LIVE_SESSION,
        family=_SAID,
        text=(
            "exceed ... context",
            "above the context",
            "beyond the context",
            "larger than the context",
            "longer than the context",
            "context ... exceed",
            "context ... too long",
            "context ... is full",
            "exceed ... number of tokens",
            "exceed ... token limit",
            "exceed ... tokens",
            "token ... exceed",
            "too many tokens",
            "input is too long",
            "prompt is too long",
            "prompt too long",
        ),
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="The server says that the problem is temporary. However often it says so, the handle "
        "is not at fault.",
        source="https://github.com/kazunori279/adk-streaming-guide/issues/11",
        family=_CLOSE,
        codes=frozenset({1011}),
        text=(
            "unavailable",
            "overloaded",
            "high demand",
            "try again later",
            "deadline expired",
            "deadline exceeded",
            "deadline_exceeded",
            "was cancelled",
        ),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The configuration was refused, and is refused again.",
        source=_REFUSED_IN_A_CALL,
        family=_CLOSE,
        codes=_REFUSALS,
        text=_CONFIGURATION,
        phase=_SESSION,
        repeats=_ONCE_BEFORE,
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="The configuration had worked on this connection, so it is not at fault. If it is "
        "refused again before a resume works, the row above decides.",
        source=_REFUSED_IN_A_CALL,
        family=_CLOSE,
        codes=_REFUSALS,
        text=_CONFIGURATION,
        phase=_SESSION,
        handle=True,
        since=PROOF_AGE,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The server names a part of the setup that it does not accept. With a handle the same"
        " setup is sent.",
        source="https://github.com/RahulMirji/Cloth_Recommendation/blob/main/GEMINI_LIVE_API_FIX.md",
        family=_CLOSE,
        codes=_TELLING,
        text=(PART_OF_SETUP,),
    ),
    Row(
        kind=FailureKind.HANDLE_REJECTED,
        why="The server no longer accepts the handle, and never will: one client tried 798 times "
        "in a night.",
        source="https://github.com/yeyu2/Youtube_demos/issues/5",
        family=_ANSWERED,
        text=(
            "session ... expired",
            "session ... not found",
            "session ... not belong",
            "session ... no longer",
            "session handle",
            "session resumption",
            "session_resumption",
            "sessionresumption",
            "resumption handle",
            "resumption token",
            "invalid handle",
            "handle is invalid",
            "handle is not valid",
            "handle ... expired",
            "entity was not found",
        ),
        phase=_ANSWERING,
        resumed=True,
        below=PROOF_AGE,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The key, the token, the project or the location is refused. The next attempt would "
        "send the same.",
        source="https://github.com/googleapis/python-genai/issues/1710",
        family=_SAID,
        text=(
            "api key",
            "api_key",
            "access token",
            "auth token",
            "auth_token",
            "ephemeral token",
            "token has expired",
            "token expired",
            "invalid token",
            "authenticat",
            "unauthorized",
            "credential",
            "denied access",
            "access denied",
            "permission ... denied",
            "permission_denied",
            "not have permission",
            "unregistered callers",
            "has been suspended",
            "not been used in project",
            "is disabled",
            "service_disabled",
            "location is not supported",
            "available in your",
        ),
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="An error of one model's server that comes and goes in sessions that work.",
        source="https://github.com/googleapis/js-genai/issues/1236",
        family=_CLOSE,
        text=("operation is not implemented",),
        phase=_SESSION,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The server names the part of a message that it refuses. Sent again, it is refused "
        "again.",
        source="https://github.com/livekit/agents/issues/3853",
        family=_CLOSE,
        codes=_REFUSALS,
        text=(
            *_CONFIGURATION,
            "deprecated",
            "not supported",
            "unsupported",
            "no matching",
            "unknown name",
            "unknown field",
            "cannot find field",
            "invalid json",
            "invalid value",
            "invalid resource",
            "cannot extract",
            "failed to parse",
            "must be",
            "must have",
        ),
    ),
    # Codes, by phase and by whether a handle was sent.
    Row(
        kind=FailureKind.HANDLE_REJECTED,
        why="The setup was refused, and only the handle was new in it.",
        source="https://discuss.ai.google.dev/t/186392",
        family=_CLOSE,
        codes=_REFUSALS | frozenset(range(4000, 5000)),
        phase=_SETUP,
        resumed=True,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="A setup without a handle was refused: the server does not accept a model, a field or"
        " a modality. It will be refused again.",
        source="https://github.com/livekit/agents/issues/5102",
        family=_CLOSE,
        codes=_REFUSALS,
        phase=_SETUP,
    ),
    Row(
        kind=FailureKind.HANDLE_REJECTED,
        why="A session that refuses something within seconds of a resume refuses the handle, or "
        "what was replayed after it. A new session accepts the same as history.",
        source="https://github.com/livekit/agents/issues/5985",
        family=_CLOSE,
        codes=frozenset({1007}),
        phase=_SESSION,
        resumed=True,
        below=PROOF_AGE,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="A message is refused for its form or size. Sent again, it is refused again.",
        source=_RFC6455,
        family=_CLOSE,
        codes=_REFUSALS - {NORMAL_CLOSURE, 1002, 1008},
    ),
    # Ages.
    Row(
        kind=FailureKind.CLEAN,
        why="The server ended an idle session, long before the age limit of a connection.",
        source="https://github.com/pipecat-ai/pipecat/issues/3112",
        family=_CLOSE,
        codes=frozenset({NORMAL_CLOSURE}),
        text=("operation was cancelled",),
        below=_LIFETIME,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The server failed over the first message. There is no handle yet, so no turn has "
        "ever worked.",
        source="https://github.com/gunpal5/Google_GenerativeAI/issues/109",
        family=_CLOSE,
        codes=frozenset({1011}),
        text=("internal error",),
        phase=_SESSION,
        resumed=False,
        handle=False,
        since=_UNDER_WAY,
        below=PROOF_AGE,
    ),
    # The same failure again.
    Row(
        kind=FailureKind.HANDLE_REJECTED,
        why="The third resumed connection in a row that ends like this before a turn was "
        "completed. What they have in common is the handle.",
        source="https://github.com/yagudaev/voiceclaw/pull/53",
        family=_CLOSE,
        codes=_TELLING,
        phase=_SESSION,
        resumed=True,
        repeats=_TWICE_BEFORE,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The third new session in a row that ends like this before a turn was completed. What"
        " they have in common is the setup.",
        source="https://github.com/pipecat-ai/pipecat/issues/4168",
        family=_CLOSE,
        codes=_TELLING,
        phase=_SESSION,
        resumed=False,
        repeats=_TWICE_BEFORE,
    ),
    # Codes.
    Row(
        kind=FailureKind.TRANSIENT,
        why="The client gave the connection up, because no pong came in time. Gemini's pongs can "
        "take half a minute.",
        source="https://github.com/aicc2025/sip-to-ai/pull/14",
        family=_CLOSE,
        codes=frozenset({ABNORMAL_CLOSURE}),
        text=("keepalive ping timeout",),
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="The age limit of the connection, a restart, an internal error, or a network that "
        "failed. A new connection may work.",
        source="https://github.com/googleapis/python-genai/issues/986",
        family=_CLOSE,
        codes=_CUT | {NORMAL_CLOSURE, 1002, 1005, 1008, 1011, 3008},
    ),
    Row(
        kind=FailureKind.THROTTLED,
        why="The server is overloaded and asks to be tried later.",
        source=_IANA,
        family=_CLOSE,
        codes=frozenset({1013}),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="Unauthorized or forbidden, by the registered meaning of the code.",
        source=_IANA,
        family=_CLOSE,
        codes=frozenset({3000, 3003}),
    ),
    # HTTP, at the handshake or as a frame {"code": 503}.
    Row(
        kind=FailureKind.THROTTLED,
        why="Too many requests.",
        source="https://www.rfc-editor.org/rfc/rfc6585#section-4",
        family=_STATUS,
        codes=frozenset({429}),
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="The server, or a proxy before it, is not ready or was interrupted.",
        source=_RPC,
        family=_STATUS,
        codes=frozenset({408, 409, 425, 499, *range(500, 600)}) - {501, 505},
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="Something else answered in place of the server: the login page of a hotel, or a "
        "proxy.",
        source=_HTTP,
        family=_STATUS,
        codes=frozenset(range(100, 300)),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The request itself is refused: its address, its credentials, its form.",
        source=_HTTP,
        family=_STATUS,
        codes=frozenset({*range(300, 500), 501, 505}),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The server answers, but not in WebSocket: a proxy removes the upgrade, or the "
        "address is wrong.",
        source=_WEBSOCKETS,
        family=_HANDSHAKE,
        names=frozenset({"InvalidHeader", "NegotiationError", "SecurityError"}),
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="The connection or a proxy failed during the handshake.",
        source=_WEBSOCKETS,
        family=_HANDSHAKE,
    ),
    # The network.
    Row(
        kind=FailureKind.FATAL,
        why="The server's certificate cannot be verified: a wrong clock, a missing CA, or an "
        "intercepting proxy.",
        source="https://github.com/google/adk-python/issues/176",
        family=_NETWORK,
        names=frozenset({"SSLCertVerificationError"}),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The same, in the words of a library that wraps the error.",
        source="https://docs.aiohttp.org/en/stable/client_reference.html",
        family=_NETWORK,
        text=("certificate_verify_failed", "certificate verify failed"),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="A file is missing, such as a certificate or a key. The network is not at fault.",
        source="https://docs.python.org/3/library/exceptions.html#os-exceptions",
        family=_NETWORK,
        names=frozenset({"FileNotFoundError", "IsADirectoryError", "NotADirectoryError"}),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The request itself is wrong, such as its scheme or a header: nothing was sent.",
        source="https://www.python-httpx.org/exceptions/",
        family=_NETWORK,
        names=frozenset({"LocalProtocolError", "UnsupportedProtocol"}),
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="Refused, reset, unreachable, unresolved or timed out: the network, or a server that "
        "is starting.",
        source="https://github.com/google/adk-python/issues/299",
        family=_NETWORK,
    ),
    # The rest: a code that nobody has registered, an error without one.
    Row(
        kind=FailureKind.TRANSIENT,
        why="Nothing is known against another attempt, and with a handle nothing is lost by it. "
        "The budget limits it, and so do the rows on repetition.",
        source="the default of this library",
        handle=True,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="Nothing is known of it, and without a handle an attempt would lose the conversation.",
        source="the default of this library",
    ),
)
"""The table; the last row matches everything, so that there is a verdict for everything."""
