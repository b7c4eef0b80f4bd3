"""What the models of the Live API differ in: one profile for each kind that was recorded.

Pure. A ``Profile`` is a set of named behaviours; the rest of the emulator asks it, and knows no
model by its name. What stands behind each value is said beside it:

- recorded: seen in a recorded session of the real server;
- documented: said by the documentation of the Live API or of its SDK;
- observed: reported by users who saw it on the real server;
- assumed: known by nobody; the comment says by what analogy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from reconnect._numbers import is_number

from ._wire import Dialect

Moment: TypeAlias = Literal["setup", "resume", "turn", "speech", "output", "result", "end"]
"""When a server says how the session can be resumed.

After the setup of a new session or of a resumed one; when a turn that was typed, or one that was
spoken, is taken up; after the first output of a reply; when a tool result has come; and after the
end of a turn.
"""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How a model behaves on the wire.

    To make your own, use ``dataclasses.replace`` on one of ``PROFILES``.

    Args:
        backend: Which API serves the model, "gemini" or "vertex"; ``LiveServer.client`` uses that
            one.
        session_ids: Whether setupComplete contains a session id.
        stream: What it turns audio into without ever ending a turn, a "translation" or a
            "transcription"; "none" for a conversational model.
        turn_gap: Seconds from generationComplete to turnComplete.
        grounding: Whether turnComplete comes with grounding metadata.
        interaction_status: Whether turnComplete says if the model is idle or goes on.
        transcription: How a spoken reply is transcribed: "leading" has each piece of words before
            its audio, "first" all words before all audio, between two empty transcriptions, and
            "joined" words and audio in the same frame, with audio alone after each.
        empty_frames: Where empty frames are sent: "before" the output, also "between" it, or
            "none".
        voice_activity: How the start and end of speech are reported: in a frame "alone", in one
            "with_content" that is empty, or not at all ("untold").
        whole_if_interrupted: Whether generationComplete comes before an interruption.
        client_content: When turns are accepted as client content: "always", or "at_first", until
            the model has answered or an announced history is complete; after that they are refused
            with 1007.
        continues: Whether client content without turns starts an answer; otherwise it is ignored.
        strict_tools: Whether audio, video or text ends the connection while a tool call is open.
        call_ids: Which ids tool calls have: "unique" ids, "reused" ids that start again on each
            connection, or "none".
        non_blocking: Which tools the model does not wait for: those "declared" so, by "default" all
            that are not declared as blocking, or "none".
        holds_turn: Whether a turn stays open until non-blocking tools have answered.
        call_pause: Seconds from a tool call to the end of its turn, if the turn is not held open.
        unknown_results: Whether the model answers a result that it did not ask for; otherwise it is
            ignored.
        updates: When a resumption update is sent.
        first_update: Seconds from setupComplete to the update that follows it.
        update_every: Seconds from the first input that no handle covers to the next handle; None to
            follow only ``updates``.
        unasked_updates: Whether updates are sent even if the setup does not ask for resumption.
        withholds: Whether no handle is issued while a turn is open.
        lost_calls: Which tool calls of a lost connection a resumed session waits for: those that
            were "shown", those that were "made" even if the connection was lost before they were
            sent, or "none".

    Raises:
        ValueError: If a choice is unknown, or a number of seconds is negative.
    """

    # What it is
    backend: Dialect
    session_ids: bool
    stream: Literal["none", "translation", "transcription"]
    # How a turn ends
    turn_gap: float
    grounding: bool
    interaction_status: bool
    # What a reply looks like
    transcription: Literal["leading", "first", "joined"]
    empty_frames: Literal["none", "before", "between"]
    voice_activity: Literal["untold", "alone", "with_content"]
    # What it takes
    whole_if_interrupted: bool
    client_content: Literal["always", "at_first"]
    continues: bool
    strict_tools: bool
    # Tools
    call_ids: Literal["unique", "reused", "none"]
    non_blocking: Literal["none", "declared", "default"]
    holds_turn: bool
    call_pause: float
    unknown_results: bool
    # Resumption
    updates: frozenset[Moment]
    first_update: float
    update_every: float | None
    unasked_updates: bool
    withholds: bool
    lost_calls: Literal["none", "shown", "made"]

    def __post_init__(self) -> None:
        for name, hint in _hints().items():
            value = getattr(self, name)
            if get_origin(hint) is Literal and value not in get_args(hint):
                raise ValueError(f"{name} must be one of {get_args(hint)}, not {value!r}")
            seconds = hint is float or (float in get_args(hint) and value is not None)
            if seconds and not (is_number(value) and value >= 0):
                raise ValueError(f"{name} must be a number of seconds, 0 or more, not {value!r}")
        if unknown := self.updates - set(get_args(Moment)):
            raise ValueError(f"updates must be among {get_args(Moment)}, not {sorted(unknown)}")


@cache
def _hints() -> dict[str, Any]:
    """Return what each field takes: to evaluate the annotations takes longer than all else."""
    return get_type_hints(Profile)


_GEMINI_25 = Profile(
    backend="gemini",  # recorded
    session_ids=False,  # recorded
    stream="none",  # recorded
    turn_gap=0.0,  # recorded: back to back
    grounding=False,  # recorded
    interaction_status=False,  # recorded
    transcription="leading",  # recorded: 21 of 23 replies
    empty_frames="none",  # recorded
    voice_activity="untold",  # recorded
    whole_if_interrupted=True,  # recorded once; documented: it is not sent then
    client_content="always",  # documented
    continues=True,  # documented
    strict_tools=False,  # assumed; observed: it can close the session with 1008
    call_ids="reused",  # observed; in the recordings they are long numbers
    non_blocking="declared",  # recorded
    holds_turn=True,  # recorded: no turnComplete before the result
    call_pause=0.0,  # assumed: a turn is held open
    unknown_results=False,  # observed: a late result is ignored
    updates=frozenset({"setup", "turn", "speech", "end"}),  # observed; assumed: "setup"
    first_update=0.0,  # assumed
    update_every=None,  # observed
    unasked_updates=False,  # recorded
    withholds=True,  # observed
    lost_calls="none",  # observed: a late result is ignored
)

_VERTEX_25 = Profile(
    backend="vertex",  # recorded
    session_ids=True,  # recorded
    stream="none",  # recorded
    turn_gap=0.0,  # recorded: back to back
    grounding=True,  # recorded
    interaction_status=False,  # recorded
    transcription="first",  # recorded
    empty_frames="none",  # recorded
    voice_activity="untold",  # recorded
    whole_if_interrupted=False,  # documented
    client_content="always",  # documented
    continues=True,  # documented
    strict_tools=False,  # assumed, as on the Gemini API
    call_ids="none",  # recorded
    non_blocking="default",  # documented for the newer models; recorded: the turn ends at the call
    holds_turn=False,  # recorded: the answer is a turn of its own
    call_pause=0.1,  # assumed; recorded: a result that is quick comes before the end
    unknown_results=False,  # assumed, as on the Gemini API; recorded on 2.0: it is answered
    updates=frozenset({"setup", "end"}),  # observed; assumed: "setup"
    first_update=0.0,  # assumed
    update_every=None,  # observed
    unasked_updates=False,  # recorded
    withholds=False,  # documented: every update is resumable
    lost_calls="none",  # assumed, as on the Gemini API
)

_VERTEX_20 = Profile(
    backend="vertex",  # recorded
    session_ids=True,  # recorded
    stream="none",  # recorded
    turn_gap=0.0,  # assumed, as 2.5
    grounding=True,  # assumed, as 2.5
    interaction_status=False,  # recorded
    transcription="first",  # recorded as far as it goes: an empty one first
    empty_frames="none",  # recorded
    voice_activity="untold",  # recorded
    whole_if_interrupted=False,  # documented
    client_content="always",  # documented
    continues=True,  # documented
    strict_tools=False,  # assumed, as on the Gemini API
    call_ids="none",  # recorded
    non_blocking="default",  # assumed, as 2.5; recorded: the turn ends at the call
    holds_turn=False,  # recorded: generationComplete comes before the result
    call_pause=0.1,  # assumed, as 2.5
    unknown_results=True,  # recorded
    updates=frozenset({"setup", "end"}),  # assumed, as 2.5
    first_update=0.0,  # assumed, as 2.5
    update_every=None,  # assumed, as 2.5
    unasked_updates=False,  # recorded
    withholds=False,  # documented: every update is resumable
    lost_calls="none",  # assumed, as 2.5
)

_GEMINI_31 = Profile(
    backend="gemini",  # recorded
    session_ids=False,  # recorded
    stream="none",  # recorded
    turn_gap=1.6,  # recorded: for a reply of a sentence; it waits for the end of the playback
    grounding=False,  # recorded
    interaction_status=False,  # recorded
    transcription="joined",  # recorded
    empty_frames="before",  # recorded
    voice_activity="with_content",  # recorded
    whole_if_interrupted=False,  # documented
    client_content="at_first",  # recorded, observed
    continues=False,  # observed: it generates on realtime text
    strict_tools=False,  # assumed; observed: it can close the session with 1008
    call_ids="reused",  # observed; in the recordings they are long numbers
    non_blocking="none",  # documented
    holds_turn=True,  # recorded: the turn stays open over the call
    call_pause=0.0,  # assumed: a turn is held open
    unknown_results=False,  # assumed, as 2.5
    updates=frozenset({"result", "end"}),  # recorded: "result"; observed: "end"
    first_update=0.0,  # assumed: there is none
    update_every=None,  # recorded
    unasked_updates=True,  # recorded
    withholds=False,  # recorded
    lost_calls="made",  # assumed, as 3.8
)

_GEMINI_38 = Profile(
    backend="gemini",  # recorded
    session_ids=False,  # recorded
    stream="none",  # recorded
    turn_gap=1.7,  # recorded: for a reply of a sentence; it waits for the end of the playback
    grounding=False,  # recorded
    interaction_status=False,  # recorded
    transcription="joined",  # recorded
    empty_frames="between",  # recorded
    voice_activity="alone",  # recorded in one of two spoken turns; "untold" in the other
    whole_if_interrupted=False,  # documented
    client_content="always",  # documented
    continues=True,  # documented
    strict_tools=False,  # assumed; observed: it can close the session with 1008
    call_ids="reused",  # observed
    non_blocking="default",  # documented
    holds_turn=True,  # assumed, as 2.5
    call_pause=0.0,  # assumed: a turn is held open
    unknown_results=False,  # assumed, as 2.5
    # recorded: "setup" and "turn"; observed: "resume" and "end"; assumed, as 3.1: "result"
    updates=frozenset({"setup", "resume", "turn", "result", "end"}),
    first_update=0.013,  # recorded
    update_every=None,  # recorded
    unasked_updates=True,  # recorded
    withholds=False,  # observed
    lost_calls="made",  # observed
)

_TRANSLATE = Profile(
    backend="gemini",  # recorded
    session_ids=False,  # recorded
    stream="translation",  # recorded
    turn_gap=0.0,  # recorded: no turn ends
    grounding=False,  # recorded
    interaction_status=False,  # recorded
    transcription="joined",  # recorded
    empty_frames="none",  # recorded
    voice_activity="untold",  # recorded
    whole_if_interrupted=False,  # assumed: nothing interrupts it
    client_content="always",  # assumed: it is taken and not answered
    continues=False,  # assumed
    strict_tools=False,  # documented: it has no tools
    call_ids="none",  # documented: it has no tools
    non_blocking="none",  # documented: it has no tools
    holds_turn=False,  # documented: it has no tools
    call_pause=0.0,  # documented: it has no tools
    unknown_results=False,  # documented: it has no tools
    updates=frozenset(),  # recorded
    first_update=0.0,  # recorded: there is none
    update_every=0.5,  # recorded: every 0.5 to 0.8 seconds
    unasked_updates=False,  # assumed, as 2.5
    withholds=False,  # recorded
    lost_calls="none",  # documented: it has no tools
)

_TRANSCRIBE = Profile(
    backend="gemini",  # recorded
    session_ids=False,  # recorded
    stream="transcription",  # recorded
    turn_gap=0.0,  # recorded: no turn ends
    grounding=False,  # recorded
    interaction_status=False,  # recorded
    transcription="joined",  # recorded: it says nothing
    empty_frames="none",  # recorded
    voice_activity="with_content",  # recorded
    whole_if_interrupted=False,  # assumed: nothing interrupts it
    client_content="always",  # assumed: it is taken and not answered
    continues=False,  # assumed
    strict_tools=False,  # documented: it has no tools
    call_ids="none",  # documented: it has no tools
    non_blocking="none",  # documented: it has no tools
    holds_turn=False,  # documented: it has no tools
    call_pause=0.0,  # documented: it has no tools
    unknown_results=False,  # documented: it has no tools
    updates=frozenset(),  # recorded
    first_update=0.0,  # recorded: there is none
    update_every=0.5,  # assumed, as translation; the recording did not ask for resumption
    unasked_updates=False,  # recorded
    withholds=False,  # assumed, as translation
    lost_calls="none",  # documented: it has no tools
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "2.0-vertex": _VERTEX_20,
        "2.5": _GEMINI_25,
        "2.5-vertex": _VERTEX_25,
        "3.1": _GEMINI_31,
        "3.8": _GEMINI_38,
        "transcribe": _TRANSCRIBE,
        "translate": _TRANSLATE,
    }
)
"""The profiles of the models that were recorded, by name; those of Vertex say so."""


def as_profile(profile: Profile | str) -> Profile:
    """Give the profile a server was asked for, by its name or itself.

    Raises:
        ValueError: If none has the name.
    """
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, not {profile!r}")
    return PROFILES[profile]
