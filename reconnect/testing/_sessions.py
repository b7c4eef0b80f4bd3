"""All sessions of a server, and the handles that they are resumed by.

Pure: no socket, no clock (``now`` is an argument), no randomness (ids are counted).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._conversation import Session
from ._exchange import Snapshot
from ._faults import INTERNAL_ERROR, INTERNAL_ERROR_CODE, NOT_FOUND, NOT_FOUND_CODE
from ._profiles import Profile
from ._wire import INVALID_ARGUMENT, INVALID_CODE, Dialect, Refused

BAD_KEY = "bad-key"
"""The API key the server refuses."""

KEY_NOT_VALID = "API key not valid. Please pass a valid API key."


@dataclass(frozen=True)
class _Issue:
    session: Session
    connection: int
    snapshot: Snapshot


class Memory:
    """All sessions and handles of one server.

    Args:
        profile: How the model behaves.
        handle_lifetime: Seconds that a handle stays valid after its connection ends.
        vad: Whether speech that is not marked is detected.
    """

    def __init__(self, *, profile: Profile, handle_lifetime: float, vad: bool = False) -> None:
        self.newest: Session | None = None
        self.profile = profile
        self._lifetime = handle_lifetime
        self._vad = vad
        self._sessions = 0
        self._handles = 0
        self._issues: dict[str, _Issue] = {}
        self._ended: dict[int, float] = {}
        self._holders: dict[Session, float | None] = {}

    def admit(
        self, setup: Mapping[str, Any], *, dialect: Dialect, credential: str | None, now: float
    ) -> Session:
        """Open a session or resume one.

        Args:
            setup: The client's setup, normalised.
            dialect: What it speaks.
            credential: Its API key.
            now: Seconds.

        Raises:
            Refused: When the server answers the setup with a close.
        """
        if credential == BAD_KEY:
            raise Refused(INVALID_CODE, KEY_NOT_VALID)
        history: Mapping[str, Any] | None = setup.get("history_config")
        resumption: Mapping[str, Any] = setup.get("session_resumption") or {}
        if dialect == "vertex" and history is not None:
            raise Refused(INVALID_CODE, INVALID_ARGUMENT)
        if dialect == "gemini" and resumption.get("transparent"):
            raise Refused(INVALID_CODE, INVALID_ARGUMENT)
        model = str(setup.get("model"))
        handle: str | None = resumption.get("handle")
        if handle is None:
            session = self._open(dialect, model)
        else:
            session = self._resume(handle, dialect, model, now)
        session.setup = setup
        session.seeding = bool((history or {}).get("initial_history_in_client_content"))
        self._holders[session] = None
        self.newest = session
        return session

    def _open(self, dialect: Dialect, model: str) -> Session:
        self._sessions += 1
        key = f"session-{self._sessions:04d}"
        return Session(key, dialect, model, self.profile, vad=self._vad)

    def _resume(self, handle: str, dialect: Dialect, model: str, now: float) -> Session:
        issue = self._issues.get(handle)
        if issue is None or self._expired(issue, now):
            raise Refused(NOT_FOUND_CODE, NOT_FOUND)
        session = issue.session
        if (session.dialect, session.model) != (dialect, model):
            raise Refused(NOT_FOUND_CODE, NOT_FOUND)
        free_at = self._holders[session]
        if free_at is None or now < free_at:  # the old socket has not finished closing
            raise Refused(INTERNAL_ERROR_CODE, INTERNAL_ERROR)
        session.resume(issue.snapshot)
        return session

    def _expired(self, issue: _Issue, now: float) -> bool:
        ended = self._ended.get(issue.connection)
        return ended is not None and now >= ended + self._lifetime

    def issue(self, session: Session, snapshot: Snapshot, *, connection: int) -> str:
        """Issue a handle that stands for the snapshot; the number is the connection's."""
        self._handles += 1
        handle = f"handle-{self._handles:04d}"
        self._issues[handle] = _Issue(session, connection, snapshot)
        return handle

    def release(self, session: Session, *, connection: int, now: float, free_at: float) -> None:
        """Note that a session's connection has ended.

        Args:
            session: The session.
            connection: Number of the connection.
            now: Seconds; the lifetime of the handles it issued starts here.
            free_at: When the session can be opened again.
        """
        self._ended[connection] = now
        self._holders[session] = free_at

    def reject_handles(self) -> None:
        """Forget every handle issued so far."""
        self._issues.clear()
