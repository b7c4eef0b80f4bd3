"""Short names of faults: for the ids of parametrised tests, for a mark, for a command line.

Pure. A name is the kind, its main value where that is not the default, and then each other field
that is not: ``abort-after_sent-3``, ``close-1008-at-2.5``, ``stall-no_pongs``. Several faults of
one connection are joined with a plus. The texts of a fault (a reason, a body, a frame) have no
place in a name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, Final, TypeAlias, cast

from ._faults import (
    Abort,
    Close,
    Delay,
    Fault,
    Frame,
    GoAway,
    Refuse,
    RejectHandle,
    Silence,
    Stall,
)

DialFaults: TypeAlias = Fault | str | Sequence[Fault | str] | None
"""What goes wrong with one connection: nothing, a fault or its name, or several of them."""

NOTHING: Final = "none"
"""The name of no fault."""

_KINDS: Final[Mapping[str, tuple[type[Fault], str | None]]] = {
    "abort": (Abort, None),
    "close": (Close, "code"),
    "delay": (Delay, "seconds"),
    "goaway": (GoAway, "time_left"),
    "refuse": (Refuse, "status"),
    "reject": (RejectHandle, "code"),
    "silence": (Silence, None),
    "stall": (Stall, None),
}
"""The kinds, each with the field that is its main value."""

_TEXTS: Final = frozenset({"body", "close_reason", "data", "headers", "reason"})
_NOT: Final = "no_"


def name_of(item: DialFaults) -> str:
    """Give the short name of what goes wrong with a connection.

    Args:
        item: None, a fault, a name, or a sequence of these.
    """
    if item is None:
        return NOTHING
    if isinstance(item, str):
        return item
    if isinstance(item, Sequence):
        return "+".join(name_of(fault) for fault in item) or NOTHING
    if isinstance(item, Frame):
        kind, main = "frame", None
    else:
        kinds = ((kind, main) for kind, (cls, main) in _KINDS.items() if cls is type(item))
        kind, main = next(kinds)
    changed = {
        field.name: getattr(item, field.name)
        for field in fields(item)
        if field.name not in _TEXTS
        and (field.default is MISSING or getattr(item, field.name) != field.default)
    }
    words = [kind]
    if main in changed:
        words.append(_word(changed.pop(main)))
    for name, value in changed.items():
        if isinstance(value, bool):
            words.append(name if value else _NOT + name)
        else:
            words += [name, _word(value)]
    return "-".join(words)


def fault_named(name: str) -> Fault:
    """Give the fault of a short name.

    Args:
        name: The name of one fault.

    Raises:
        ValueError: If no fault has such a name, or what it says is out of range.
    """
    kind, *words = name.split("-")
    if kind not in _KINDS:
        raise ValueError(f"no fault is named {name!r}; names start with {', '.join(_KINDS)}")
    cls, main = _KINDS[kind]
    known = [field.name for field in fields(cls) if field.name not in _TEXTS]
    found: dict[str, Any] = {}
    if words and main is not None and words[0].removeprefix(_NOT) not in known:
        found[main] = _value(main, words.pop(0))
    while words:
        word = words.pop(0)
        field = word.removeprefix(_NOT)
        if field not in known:
            choices = ", ".join(field for field in known if field != main)
            raise ValueError(f"{word!r} in {name!r} is unknown; {kind} can have {choices}")
        if word != field:
            found[field] = False
        elif words and words[0].removeprefix(_NOT) not in known:
            found[field] = _value(field, words.pop(0))
        else:
            found[field] = True
    try:
        return cls(**found)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name!r} is not a fault: {error}") from error


def dial_plan(faults: Iterable[DialFaults]) -> list[tuple[Fault, ...]]:
    """Give the faults of the connections to come, in order.

    Args:
        faults: One item per connection.

    Raises:
        TypeError: If it is not a fault, or is a single one.
        ValueError: If no fault has this name.
    """
    if isinstance(faults, str | Fault):
        raise TypeError(f"faults must have one item per connection; write [{faults!r}]")
    return [dial_faults(item) for item in faults]


def dial_faults(item: DialFaults) -> tuple[Fault, ...]:
    """Give the faults of one connection.

    Args:
        item: None, a fault, a name, or a sequence of these.

    Raises:
        TypeError: If it is anything else.
        ValueError: If no fault has this name.
    """
    if item is None or item == NOTHING:
        return ()
    if isinstance(item, str):
        return tuple(fault_named(name) for name in item.split("+"))
    parts = item if isinstance(item, Sequence) else (item,)
    return tuple(_checked(part) for part in parts)


def _checked(fault: object) -> Fault:
    if isinstance(fault, str):
        return fault_named(fault)
    if not isinstance(fault, Fault):
        raise TypeError(
            f"a fault must be an object such as Abort(), or its short name, not {fault!r}"
        )
    return fault


def _word(value: object) -> str:
    """Write a value as a word of a name."""
    return NOTHING if value is None else str(value).removesuffix(".0")


def _value(field: str, word: str) -> Any:
    """Read a value: a number where it is one."""
    if word == NOTHING:
        return None
    for number in (int, float):
        try:
            value = number(word)
        except ValueError:
            continue
        return f"{word}s" if field == "time_left" else value
    return word


def is_fault(item: object) -> bool:
    """Tell whether something is a fault, or a sequence that has one and nothing else but None."""
    if isinstance(item, list | tuple):
        parts = cast("Sequence[object]", item)
        return any(map(is_fault, parts)) and all(part is None or is_fault(part) for part in parts)
    return isinstance(item, Fault)
