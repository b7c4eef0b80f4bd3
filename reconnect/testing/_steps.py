"""How a reply becomes the messages that carry it, in the order of its profile.

Pure: no socket, no clock.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, cast, get_args

from . import _frames as frames
from ._exchange import OpenCall
from ._model import Call, Question, Reply, Unspoken
from ._profiles import Profile
from ._wire import Message

MIN_CHUNKS = 3
MAX_CHUNKS = 6
WORDS_PER_CHUNK = 3
SILENCE = bytes(960)
"""What a spoken chunk sounds like: 20 ms of 16 bit PCM at 24 kHz."""

End: TypeAlias = Literal["turn", "generation"]
ENDS: tuple[End, ...] = get_args(End)
"""What a message can end, the turn first: it ends the generation too."""


class Step(NamedTuple):
    """One message of a reply.

    Args:
        message: What is sent.
        said: What it adds to the words of the reply.
        output: Whether anything of the reply is in it.
        calls: The tool calls in it.
        ends: What it ends, the "generation" or the "turn"; None for neither.
        pause: Seconds before it; None for as long as between the chunks of a reply.
        held: Whether it is held back until all tools have answered.
    """

    message: Message
    said: str = ""
    output: bool = False
    calls: tuple[OpenCall, ...] = ()
    ends: End | None = None
    pause: float | None = None
    held: bool = False


def chunks(text: str) -> list[str]:
    """Cut a text into three to six pieces, or one per word if it has fewer words."""
    words = re.findall(r"\s*\S+\s*", text)
    pieces = min(max(MIN_CHUNKS, len(words) // WORDS_PER_CHUNK), MAX_CHUNKS, len(words))
    cuts = [len(words) * piece // pieces for piece in range(pieces + 1)] if pieces else []
    return ["".join(words[start:end]) for start, end in itertools.pairwise(cuts)]


def steps(
    reply: Reply, question: Question, *, profile: Profile, new_id: Callable[[], str | None]
) -> list[Step]:
    """Turn a reply into the messages that carry it.

    Args:
        reply: What the model returned.
        question: What it was asked.
        profile: How the model behaves.
        new_id: Gives the id of the next tool call; None for calls without one.

    Raises:
        TypeError: If the model returned something else.
    """
    parts = [reply] if isinstance(reply, (str, Call, Unspoken)) else reply
    known = (str, Call, Unspoken, dict)
    if not isinstance(parts, Sequence) or not all(isinstance(part, known) for part in parts):
        raise TypeError(f"not a reply: {reply!r}")
    return _Builder(question.setup, profile, new_id).steps(parts)


def end_of_turn(profile: Profile, tokens: int, *, busy: bool = False) -> Message:
    """Give the turnComplete of a profile.

    Args:
        profile: The profile.
        tokens: How many the turn used.
        busy: Whether the model goes on after it.
    """
    status = ("IN_PROGRESS" if busy else "IDLE") if profile.interaction_status else None
    return frames.turn_complete(tokens, grounding=profile.grounding, status=status)


def ends(profile: Profile, tokens: int, *, called: bool = False) -> list[Step]:
    """Give the two messages that end a turn.

    Args:
        profile: The profile.
        tokens: How many the turn used.
        called: Whether it has made tool calls that the model does not wait for.
    """
    busy = called and not profile.holds_turn
    return [
        Step(frames.generation_complete(), ends="generation"),
        Step(
            end_of_turn(profile, tokens, busy=busy),
            ends="turn",
            pause=profile.turn_gap,
            held=called and profile.holds_turn,
        ),
    ]


def raw(message: Message, *, wanted: Callable[[str], bool]) -> Step:
    """Give the step that sends a message as it is.

    Args:
        message: The message.
        wanted: Whether the model waits for the result of a function.
    """
    content: Message = message.get("serverContent") or {}
    parts: list[Message] = (content.get("modelTurn") or {}).get("parts") or []
    parts = [part for part in parts if not part.get("thought")]
    transcription: Message = content.get("outputTranscription") or {}
    calls: list[Message] = (message.get("toolCall") or {}).get("functionCalls") or []
    return Step(
        message,
        said="".join(str(part.get("text", "")) for part in [*parts, transcription]),
        output=bool(parts or transcription.get("text") or calls),
        calls=tuple(OpenCall(call, blocking=wanted(call["name"])) for call in calls),
        ends=next((end for end in ENDS if content.get(f"{end}Complete")), None),
    )


class _Builder:
    """Builds the steps of one reply.

    Args:
        setup: The client's setup.
        profile: How the model behaves.
        new_id: Gives the id of the next tool call.
    """

    def __init__(
        self, setup: Mapping[str, Any], profile: Profile, new_id: Callable[[], str | None]
    ) -> None:
        generation: Mapping[str, Any] = setup.get("generation_config") or {}
        self._spoken = "AUDIO" in (generation.get("response_modalities") or ())
        self._transcribed = self._spoken and setup.get("output_audio_transcription") is not None
        self._profile = profile
        self._new_id = new_id
        self._behaviors = dict(_behaviors(setup))
        self._found: list[Step] = []
        self._late: list[Step] = []
        """Audio that comes after all words."""
        self._tokens = 0

    def steps(self, parts: Sequence[str | Call | Unspoken | Mapping[str, Any]]) -> list[Step]:
        """Give the steps of the parts of a reply."""
        if all(isinstance(part, dict) for part in parts):
            return [raw(cast("Message", part), wanted=self._blocks) for part in parts]
        waits = calls_last = False
        for kind, group in itertools.groupby(parts, key=type):
            calls_last = kind is Call
            if kind is Call:
                step = self._call(cast("Iterable[Call]", group))
                self._found.append(step)
                if any(call.blocking for call in step.calls):
                    waits = True
                    break
            else:
                for part in group:
                    self._add(cast("str | Unspoken | Message", part))
        if self._transcribed and self._profile.transcription == "first" and self._found:
            self._found = [_empty(), *self._found, _empty(finished=True), *self._late]
        found = self._with_empty_frames()
        if waits or (calls_last and self._profile.holds_turn):
            return found
        called = any(step.calls for step in found)
        generation, turn = ends(self._profile, self._tokens, called=called)
        if calls_last:
            generation = generation._replace(pause=self._profile.call_pause)
        return [*found, generation, turn]

    def _call(self, calls: Iterable[Call]) -> Step:
        listed = [(self._new_id(), call.name, call.args) for call in calls]
        return raw(frames.tool_call(listed), wanted=self._blocks)

    def _blocks(self, name: str) -> bool:
        """Tell whether the model waits for the result of a function."""
        match self._profile.non_blocking:
            case "none":
                return True
            case "declared":
                return self._behaviors.get(name) != "NON_BLOCKING"
            case _:  # by default no tool
                return self._behaviors.get(name) == "BLOCKING"

    def _add(self, part: str | Unspoken | Message) -> None:
        """Add a text, or a message as it is."""
        if isinstance(part, dict):
            self._found.append(raw(part, wanted=self._blocks))
            return
        text = part if isinstance(part, str) else part.text
        self._tokens += len(text)
        for piece in chunks(text):
            if not self._spoken:
                self._found.append(raw(frames.model_text(piece), wanted=self._blocks))
            elif isinstance(part, Unspoken):
                self._found += [_words(piece)] if self._transcribed else [Step({}, said=piece)]
            else:
                self._speak(piece)

    def _speak(self, piece: str) -> None:
        """Add a piece of a spoken text."""
        audio = Step(frames.model_audio(SILENCE), output=True)
        if not self._transcribed:
            self._found.append(audio._replace(said=piece))
            return
        match self._profile.transcription:
            case "leading":
                self._found += [_words(piece), audio]
            case "first":
                self._found.append(_words(piece))
                self._late.append(audio)
            case _:  # joined
                both = Step(frames.model_audio(SILENCE, piece), said=piece, output=True)
                self._found += [both, audio]

    def _with_empty_frames(self) -> list[Step]:
        """Give what was found with the empty frames that stand before and between it."""
        before = Step(frames.nothing(content=True))
        between = Step(frames.nothing(content=False))
        match self._profile.empty_frames:
            case "before" if self._found:
                return [before, *self._found]
            case "between" if self._found:
                first, *rest = self._found
                others = [other for step in rest for other in (between, step)]
                return [between, before, between, first, *others]
            case _:
                return self._found


def _behaviors(setup: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Give the name and the behaviour of each function that is declared with one."""
    for tool in setup.get("tools") or ():
        for function in tool.get("function_declarations") or ():
            if function.get("behavior"):
                yield function["name"], function["behavior"]


def _empty(*, finished: bool = False) -> Step:
    return Step(frames.output_transcription(None, finished=finished))


def _words(text: str) -> Step:
    return Step(frames.output_transcription(text), said=text, output=True)
