"""The tables that are written in the code: of errors, of exchanges, of profiles and of limits."""

import dataclasses
import inspect
from collections.abc import Iterable
from typing import Final

from markdown import code, joined, table

from reconnect import FailureKind, Loss, Raise, ReconnectPolicy, ResumableSession, testing
from reconnect._conversation.exchanges import ENDS, End, Progress
from reconnect._conversation.limits import CONVERSATION, INBOX, MEDIA, Limit
from reconnect._failures.classify import TABLE, Row, classify
from reconnect._failures.loss import Family, Phase

__all__ = ["decisions", "ends", "errors", "kept", "profiles", "source"]

HIGHEST_CODE: Final = 5000


# Errors


def errors() -> str:
    """Return the error table, row by row.

    It has one column beside the number, and the reason stands below the conditions: with more of
    them it would be wider than a phone, on a code host too.
    """
    return table(
        ["", "Kind, when, and why"],
        [
            [
                str(number),
                f"{code(row.kind.value)}: {_conditions(row)}.<br>*Why:* {_reason(row)}",
            ]
            for number, row in enumerate(TABLE, start=1)
        ],
    )


def _reason(row: Row) -> str:
    return f"{row.why} ({source(row.source)})"


def source(source: str) -> str:
    """Return a source as a link, if it is one.

    Args:
        source: An address, or words.
    """
    if not source.startswith("https://"):
        return source
    _, _, address = source.partition("//")
    host, _, path = address.removeprefix("www.").partition("/")
    if host == "github.com":
        _, name, *rest = path.split("/")
        number = f" {rest[1]}" if rest[:1] in (["issues"], ["pull"]) else ""
        return f"[{name}{number}]({source})"
    return f"[{host}]({source})"


def _conditions(row: Row) -> str:
    """Say in words when a row matches."""
    said: list[str] = []
    if row.family is not None:
        said.append(joined([family.value for family in Family if family in row.family]))
    if row.names is not None:
        said.append(f"type {joined([code(name) for name in sorted(row.names)])}")
    if row.codes is not None:
        said.append(f"code {_ranges(c for c in range(HIGHEST_CODE) if c in row.codes)}")
    if row.phase is not None:
        said.append(f"phase {joined([code(phase.value) for phase in Phase if phase in row.phase])}")
    for asked, yes, no in (
        (row.resumed, "a handle was sent", "no handle was sent"),
        (row.handle, "a handle is held", "no handle is held"),
        (row.go_away, "after a go_away", "without a go_away"),
        (row.closing, "the caller asked to close", "the caller did not ask to close"),
    ):
        if asked is not None:
            said.append(yes if asked else no)
    if row.since is not None:
        said.append(f"{row.since:g} s old or more")
    if row.below is not None:
        said.append(f"younger than {row.below:g} s")
    if row.repeats is not None:
        times = {1: "once", 2: "twice"}.get(row.repeats, f"{row.repeats} times")
        said.append(f"the same failure {times} or more just before")
    if row.text is not None:
        said.append(f"the text contains {joined([code(text) for text in row.text])}")
    return "; ".join(said) if said else "everything else"


def _ranges(codes: Iterable[int]) -> str:
    """Write 1, 2, 4, 5, 6 as "1, 2, 4-6", with a dash."""
    runs: list[list[int]] = []
    for number in codes:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}\N{EN DASH}{run[-1]}" if len(run) > 2 else ", ".join(map(str, run))
        for run in runs
    )


# Decisions


def decisions() -> str:
    """Return what the policy decides about each kind of failure, asked of the policy itself."""
    examples = {classify(error): error for error in _losses()}
    if missing := set(FailureKind) - set(examples):
        raise LookupError(f"no example of {sorted(missing)}")
    policies = (
        ReconnectPolicy(),
        ReconnectPolicy(without_handle="restart", context_exhausted="restart"),
    )
    body = []
    for kind in FailureKind:
        cells = [code(kind.value), _said(kind)]
        for handle in (True, False):
            loss = dataclasses.replace(examples[kind], handle=handle)
            default, chosen = (_decides(policy, loss) for policy in policies)
            cells.append(default if chosen == default else f"{default}, or {chosen} on request")
        body.append(cells)
    return table(["Kind", "What it means", "With a handle", "Without one"], body)


def _losses() -> list[Loss]:
    """Return one loss of each kind, at least."""
    from websockets.exceptions import ConnectionClosedError  # noqa: PLC0415
    from websockets.frames import Close  # noqa: PLC0415

    def closed(reason: str, number: int = 1011, **facts: object) -> Loss:
        error = ConnectionClosedError(Close(number, reason), None)
        return Loss(error, **{"handle": True, "phase": Phase.SESSION, **facts})

    return [
        Loss(ConnectionResetError(), handle=True),
        closed("Resource exhausted"),
        closed("session not found", 1008, phase=Phase.SETUP, resumed=True),
        closed("input exceeds the context"),
        closed("API key not valid", 1008, phase=Phase.SETUP),
        closed("", 1000, closing=True),
    ]


def _decides(policy: ReconnectPolicy, loss: Loss) -> str:
    decision = policy.decide(loss, attempt=1, elapsed=0.0, draw=0.5)
    return "raise" if isinstance(decision, Raise) else type(decision).__name__.lower()


def _said(kind: FailureKind) -> str:
    """Return the docstring of a member of an enumeration, which Python does not keep."""
    source = inspect.getsource(FailureKind).splitlines()
    [line] = [n for n, text in enumerate(source) if text.strip().startswith(f"{kind.name} = ")]
    return source[line + 1].strip().strip('"')


# Exchanges


def ends() -> str:
    """Return what the server's ends do: a row per end, a column per progress."""
    return table(
        ["", *(progress.value for progress in Progress)],
        [
            [f"**{end.value}**", *(ENDS[end, progress].value for progress in Progress)]
            for end in End
        ],
    )


# The emulator


def profiles() -> str:
    """Return what the profiles of the emulator differ in."""
    body = []
    for field in dataclasses.fields(testing.Profile):
        values = [getattr(profile, field.name) for profile in testing.PROFILES.values()]
        body.append([code(field.name), *map(_plain, values)])
    return table(["", *(code(name) for name in testing.PROFILES)], body)


def _plain(value: object) -> str:
    """Say a value of a profile in a word or two."""
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case frozenset():
            return ", ".join(sorted(value)) or "none"
        case float():
            return f"{value:g}"
        case _:
            return str(value).replace("_", " ")


# Numbers


def _default(of: type, name: str) -> str:
    return f"{inspect.signature(of).parameters[name].default:g}"


def kept() -> str:
    """Return what is kept, how much of it at most, and what happens then."""

    def room(limit: Limit) -> str:
        return f"{limit.messages:,} messages, {limit.bytes // 2**20} MiB"

    audio = _default(ResumableSession, "audio_buffer")
    history = inspect.signature(ResumableSession).parameters["history_limit"].default
    return table(
        ["What", "Argument", "At most", "Then"],
        [
            [
                "typed turns, context and updates that no handle covers",
                "`buffer`",
                room(CONVERSATION),
                'a send waits; raises with `full="raise"`',
            ],
            ["audio sent in an outage", "`audio_buffer`", f"{audio} s", "the oldest is dropped"],
            [
                "all realtime input; on Vertex AI also what was sent and is not consumed",
                "`media_buffer`",
                room(MEDIA),
                'the oldest is dropped; raises with `full="raise"`',
            ],
            ["images sent in an outage", "", "the newest", ""],
            ["server messages that you have not read", "", room(INBOX), "the server waits"],
            [
                "history that a new session is sent",
                "`history_limit`",
                f"{history:,} characters",
                "the oldest turns are left out",
            ],
        ],
    )
