"""Which failure is which: one table, read from the top, and the first row that matches counts.

The same bytes need different reactions. A 1008 during the setup of a resume means that the handle
is dead; during a fresh setup, that nothing will ever work; after a go_away, that the connection
had reached its age. So a row may ask for the phase, for whether a handle had been sent, for the
text and for the age, and the rows stand in the order of the strength of these signals: what the
caller did, go_away, texts that say what is wrong, then codes by phase.

Close reasons hold at most 123 bytes (RFC 6455, section 5.5) and arrive cut, so texts are matched
as fragments, in lower case.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .loss import ABNORMAL_CLOSURE, Family, Loss, Phase, Symptom, read

__all__ = ["TABLE", "FailureKind", "Row", "classify", "explain"]


class FailureKind(StrEnum):
    """What a failure calls for."""

    TRANSIENT = "transient"
    """The next dial may well succeed."""

    THROTTLED = "throttled"
    """The server wants to be left alone for a while."""

    HANDLE_REJECTED = "handle_rejected"
    """The handle is dead; a fresh session would work."""

    CONTEXT_EXHAUSTED = "context_exhausted"
    """The conversation has outgrown the model's context."""

    FATAL = "fatal"
    """Nothing that this side can do by dialling again would help."""

    CLEAN = "clean"
    """The session has ended as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table; a condition that is None is always met.

    Args:
        kind: The verdict.
        why: The reason, in a sentence.
        source: Where the behaviour was seen or is documented.
        family: The families it is for.
        codes: The close codes or HTTP statuses it is for.
        text: Fragments of the error text, in lower case, one of which must occur.
        phase: The phases it is for.
        resumed: Whether the connection must have been opened with a handle.
        go_away: Whether a go_away must have been seen.
        closing: Whether the caller must have asked to close.
        below: The age in seconds that the connection must not have reached.
    """

    kind: FailureKind
    why: str
    source: str
    family: Container[Family] | None = None
    codes: Container[int] | None = None
    text: tuple[str, ...] | None = None
    phase: Container[Phase] | None = None
    resumed: bool | None = None
    go_away: bool | None = None
    closing: bool | None = None
    below: float | None = None

    def matches(self, loss: Loss, symptom: Symptom) -> bool:
        """Tell whether every condition of the row is met."""
        return (
            (self.family is None or symptom.family in self.family)
            and (self.codes is None or (symptom.code is not None and symptom.code in self.codes))
            and (self.phase is None or loss.phase in self.phase)
            and (self.resumed is None or loss.resumed is self.resumed)
            and (self.go_away is None or loss.go_away is self.go_away)
            and (self.closing is None or loss.closing is self.closing)
            and (self.below is None or loss.age < self.below)
            and (self.text is None or any(part in symptom.text for part in self.text))
        )


_YOUNG: Final = 10.0
"""Seconds: a connection that ends before this age has proven nothing."""

_LIFETIME: Final = 420.0
"""Seconds: connections reach their age limit at seven minutes at the earliest."""

_CLOSE: Final = frozenset({Family.CLOSE})
_SAID: Final = frozenset({Family.CLOSE, Family.STATUS, Family.HANDSHAKE})
_NETWORK: Final = frozenset({Family.TRANSPORT})
_SETUP: Final = frozenset({Phase.SETUP})
_SESSION: Final = frozenset({Phase.SESSION})

_FACTS: Final = "reports collected for the Live API"
_RFC6455: Final = "RFC 6455, section 7.4"
_IANA: Final = "IANA WebSocket Close Code Number Registry"
_HTTP: Final = "RFC 9110, section 15"

TABLE: Final[tuple[Row, ...]] = (
    # What the caller did.
    Row(
        kind=FailureKind.CLEAN,
        why="The caller had asked to close: however the connection ended, that is the end.",
        source="google/adk-python PR 5007",
        closing=True,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="No failure of a connection: a bug or a bad argument, which a dial would only hide.",
        source="google/adk-python PR 5007",
        family=frozenset({Family.FOREIGN}),
    ),
    # What the server had announced.
    Row(
        kind=FailureKind.TRANSIENT,
        why="The server had said go_away: whatever code it then closes with, it is the end of the"
        " connection and not of the session.",
        source="https://ai.google.dev/gemini-api/docs/live-session",
        family=frozenset({Family.CLOSE, Family.TRANSPORT}),
        phase=_SESSION,
        go_away=True,
    ),
    # Texts that say what is wrong, whatever the code.
    Row(
        kind=FailureKind.FATAL,
        why="The credits are spent: only a payment helps.",
        source="discuss.ai.google.dev, reports of 1011 with a billing text",
        family=_SAID,
        text=("credits are depleted", "credit balance", "billing account", "billing to be enabled"),
    ),
    Row(
        kind=FailureKind.THROTTLED,
        why="A quota or the number of sessions is used up for the moment.",
        source=_FACTS,
        family=_SAID,
        text=(
            "exceeded your current quota",
            "quota exceeded",
            "resource exhausted",
            "resource_exhausted",
            "resource has been exhausted",
            "rate limit",
            "too many requests",
            "maximum concurrent",
        ),
    ),
    Row(
        kind=FailureKind.CONTEXT_EXHAUSTED,
        why="The conversation no longer fits into the model's context.",
        source="https://ai.google.dev/gemini-api/docs/live-session",
        family=_SAID,
        text=(
            "context window",
            "context length",
            "maximum number of tokens",
            "token limit",
            "input token count",
        ),
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The key, the token or the project is refused: the next dial carries the same one.",
        source=_FACTS,
        family=_SAID,
        text=(
            "api key",
            "api_key",
            "access token",
            "auth token",
            "authentication",
            "credential",
            "denied access",
            "permission denied",
            "permission_denied",
            "unauthenticated",
            "unregistered callers",
            "it is disabled",
            "location is not supported",
        ),
    ),
    Row(
        kind=FailureKind.HANDLE_REJECTED,
        why="The server no longer honours the handle. Kept, it is refused for ever: one client"
        " dialled 798 times in a night.",
        source=_FACTS,
        family=_CLOSE,
        text=("session expired", "session not found", "entity was not found", "session handle"),
        resumed=True,
        below=_YOUNG,
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="A fault of one model's server that comes and goes in sessions that work.",
        source="https://discuss.ai.google.dev, 1008 Operation is not implemented",
        family=_CLOSE,
        text=("operation is not implemented",),
        phase=_SESSION,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The server names what it refuses in what was sent; sent again, it is refused again.",
        source=_FACTS,
        family=_CLOSE,
        codes=frozenset({1003, 1007, 1008}),
        text=(
            "not supported",
            "is deprecated",
            "is not found for api version",
            "unknown name",
            "publisher model",
        ),
    ),
    # Codes, by phase.
    Row(
        kind=FailureKind.HANDLE_REJECTED,
        why="The setup reached the server and was refused, and the handle is what was new in it.",
        source=_FACTS,
        family=_CLOSE,
        codes=frozenset({1000, 1002, 1003, 1007, 1008, 1009, *range(4000, 5000)}),
        phase=_SETUP,
        resumed=True,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="A fresh setup was refused: a model, a field or a modality that the server does not"
        " take. The same setup will be refused again.",
        source=_FACTS,
        family=_CLOSE,
        codes=frozenset({1000, 1002, 1003, 1007, 1008, 1009, 1010}),
        phase=_SETUP,
    ),
    Row(
        kind=FailureKind.CLEAN,
        why="The server ended an idle session long before its connection could have been too old.",
        source="stored reports of APIError 1000 The operation was cancelled",
        family=_CLOSE,
        codes=frozenset({1000}),
        text=("operation was cancelled",),
        below=_LIFETIME,
    ),
    Row(
        kind=FailureKind.FATAL,
        why="What was sent is refused for its form or size; sent again, it is refused again.",
        source=_RFC6455,
        family=_CLOSE,
        codes=frozenset({1003, 1007, 1009, 1010}),
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
    Row(
        kind=FailureKind.TRANSIENT,
        why="An end that says nothing against a new connection: the age of the connection, a"
        " restart, an internal error, a cut line.",
        source=_RFC6455,
        family=_CLOSE,
        codes=frozenset({1000, 1001, 1002, 1005, ABNORMAL_CLOSURE, 1008, 1011, 1012, 1014, 1015}),
    ),
    # HTTP, at the handshake or as a frame {"code": 503}.
    Row(
        kind=FailureKind.THROTTLED,
        why="Too many requests.",
        source="RFC 6585, section 4",
        family=frozenset({Family.STATUS}),
        codes=frozenset({429}),
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="The server or something before it is not ready.",
        source=_HTTP,
        family=frozenset({Family.STATUS}),
        codes=frozenset({408, 425, *range(500, 600)}) - {501, 505},
    ),
    Row(
        kind=FailureKind.FATAL,
        why="The request itself is refused: its address, its credentials, its form.",
        source=_HTTP,
        family=frozenset({Family.STATUS}),
        codes=frozenset({*range(300, 500), 501, 505}),
    ),
    # The network.
    Row(
        kind=FailureKind.FATAL,
        why="The server's certificate cannot be verified here: a wrong clock, a missing CA, or"
        " somebody in between.",
        source=_FACTS,
        family=_NETWORK,
        text=("certificate_verify_failed", "certificate verify failed"),
    ),
    Row(
        kind=FailureKind.TRANSIENT,
        why="Refused, reset, unreachable, unresolved, timed out: the network, or a server that is"
        " starting.",
        source="errno(3)",
        family=_NETWORK,
    ),
    # The rest: one bounded retry where a handle makes it harmless, and never without one, since
    # without a handle the policy raises what is transient too.
    Row(
        kind=FailureKind.TRANSIENT,
        why="Nothing is known against trying again.",
        source="the default of this library",
    ),
)
"""The table; the last row matches everything, so that the judgement is total."""


def explain(loss: Loss) -> Row:
    """Return the row of the table that decides about a loss.

    Args:
        loss: What was lost, and how.
    """
    symptom = read(loss.error)
    return next(row for row in TABLE if row.matches(loss, symptom))


def classify(loss: Loss) -> FailureKind:
    """Tell what a loss calls for; total: there is a verdict for every exception.

    Args:
        loss: What was lost, and how.
    """
    return explain(loss).kind
