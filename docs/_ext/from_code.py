"""What the pages take from the code: the numbers they mention and the tables they show."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Sequence

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import stringify_annotation

import reconnect
from reconnect import ReconnectPolicy, ResumableSession, testing
from reconnect._conversation.exchanges import ENDS, LOSS, End, Known, Progress
from reconnect._conversation.limits import CONVERSATION, INBOX, MEDIA
from reconnect._failures.classify import TABLE, Row
from reconnect._failures.loss import Family, Phase

__all__ = ["numbers", "setup"]

logger = logging.getLogger(__name__)

HIGHEST_CODE = 5000
HIDDEN_COLON = "\N{PRIVATE USE ONE}"


CONSTANTS = (
    "ATTEMPTS",
    "PATIENCE",
    "THROTTLED_PATIENCE",
    "PROOF_AGE",
    "DEFAULT_NOTICE",
    "MOVE_WITHIN",
    "LEAST_MARGIN",
    "CLOSE_TIMEOUT",
    "LISTEN_AFTER",
    "CLOSING_TIMEOUT",
)
"""What the pages mention, wherever in the package it is written."""


def numbers() -> dict[str, str]:
    """Return what stands in the pages as ``{{ name }}``: defaults and constants.

    Raises:
        LookupError: If no module has a constant, or more than one value of it is found.
    """
    found = {
        name: parameter.default
        for of in (ReconnectPolicy, ResumableSession)
        for name, parameter in inspect.signature(of).parameters.items()
        if isinstance(parameter.default, int | float)
    }
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(reconnect.__path__, "reconnect.")
        if module.name != "reconnect.__main__"
    ]
    for name in CONSTANTS:
        values = {vars(module).get(name, vars(module).get(f"_{name}")) for module in modules}
        if len(values - {None}) != 1:
            raise LookupError(f"{name} has no one value in the code, but {values}")
        found[name.lower()] = max(values - {None})
    for name, limit in (("buffer", CONVERSATION), ("media", MEDIA), ("inbox", INBOX)):
        found |= {f"{name}_messages": limit.messages, f"{name}_mebibytes": limit.bytes // 2**20}
    return {
        name: f"{number:g}" if isinstance(number, float) else f"{number:,}"
        for name, number in found.items()
    }


# Tables


Cell = Sequence[nodes.Node]


def _table(head: Iterable[str], body: Iterable[Sequence[Cell]], *, kind: str) -> nodes.table:
    """Build a table.

    Args:
        head: The titles of its columns.
        body: Its rows, each a sequence of cells.
        kind: Its class, for the style sheet.
    """
    titles = [[nodes.Text(title)] for title in head]
    group = nodes.tgroup(cols=len(titles))
    group += [nodes.colspec(colwidth=1) for _ in titles]
    group += nodes.thead("", _row(titles))
    group += nodes.tbody("", *(_row(cells) for cells in body))
    return nodes.table("", group, classes=[kind])


def _row(cells: Sequence[Cell]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))


def error_table() -> nodes.Node:
    """Return the error table, row by row."""
    body = [
        [
            [nodes.Text(str(number))],
            _conditions(row),
            [nodes.literal(text=row.kind.value)],
            [nodes.Text(row.why + " "), _source(row.source)],
        ]
        for number, row in enumerate(TABLE, start=1)
    ]
    return _table(["", "When", "Verdict", "Why"], body, kind="errors")


def _source(source: str) -> nodes.Node:
    """Return a source as a link, if it is one."""
    if not source.startswith("https://"):
        return nodes.emphasis(text=f"({source})", classes=["source"])
    shown = source.removeprefix("https://").removeprefix("www.").removeprefix("github.com/")
    return nodes.reference(text=shown, refuri=source, internal=False, classes=["source"])


def _conditions(row: Row) -> list[nodes.Node]:
    """Say in words when a row matches."""
    said: list[list[nodes.Node]] = []
    if row.family is not None:
        said.append([nodes.Text(_or([f.value for f in Family if f in row.family]))])
    if row.names is not None:
        said.append([nodes.Text("it is a "), *_literals(sorted(row.names))])
    if row.codes is not None:
        codes = [code for code in range(HIGHEST_CODE) if code in row.codes]
        said.append([nodes.Text(f"code {_ranges(codes)}")])
    if row.phase is not None:
        said.append([nodes.Text("phase "), *_literals([p.value for p in Phase if p in row.phase])])
    for asked, words in (
        (row.resumed, "a handle was sent"),
        (row.handle, "a handle is held"),
        (row.go_away, "a go_away had come"),
        (row.closing, "the caller had asked to close"),
    ):
        if asked is not None:
            said.append([nodes.Text(words if asked else f"not: {words}")])
    if row.since is not None:
        said.append([nodes.Text(f"{row.since:g}\N{NO-BREAK SPACE}s old or more")])
    if row.below is not None:
        said.append([nodes.Text(f"younger than {row.below:g}\N{NO-BREAK SPACE}s")])
    if row.repeats is not None:
        times = {1: "once", 2: "twice"}.get(row.repeats, f"{row.repeats} times")
        said.append([nodes.Text(f"the same {times} or more right before")])
    if row.text is not None:
        said.append([nodes.Text("the text has "), *_literals(row.text)])
    return _joined(said, "; ") if said else [nodes.Text("whatever is left")]


def _literals(texts: Sequence[str]) -> list[nodes.Node]:
    """Return texts as literals, with commas and an "or" between them."""
    *first, last = [[nodes.literal(text=text)] for text in texts]
    return _joined([_joined(first, ", "), last], " or ") if first else last


def _joined(parts: Iterable[Sequence[nodes.Node]], separator: str) -> list[nodes.Node]:
    """Return all nodes of all parts, with a text between the parts."""
    found: list[nodes.Node] = []
    for part in parts:
        found += [nodes.Text(separator), *part] if found else part
    return found


def _or(texts: Sequence[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} or {last}" if first else last


def _ranges(codes: Iterable[int]) -> str:
    """Write 1, 2, 4, 5, 6 as "1, 2, 4-6", with a dash."""
    runs: list[list[int]] = []
    for code in codes:
        if runs and runs[-1][-1] == code - 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(
        f"{run[0]}\N{EN DASH}{run[-1]}" if len(run) > 2 else ", ".join(map(str, run))
        for run in runs
    )


def loss_table() -> nodes.Node:
    """Return what is owed after a loss: a row per knowledge of the newest handle."""
    body = [
        [
            [nodes.strong(text=known.name.lower())],
            *([nodes.Text(LOSS[known, over].value)] for over in (True, False)),
        ]
        for known in Known
    ]
    head = ["The handle has the question", "The reply is over", "The reply is owed"]
    return _table(head, body, kind="exchanges")


def ends_table() -> nodes.Node:
    """Return what the server's ends do: a row per end, a column per progress."""
    body = [
        [
            [nodes.strong(text=end.value)],
            *([nodes.Text(ENDS[end, progress].value)] for progress in Progress),
        ]
        for end in End
    ]
    return _table(["", *(progress.value for progress in Progress)], body, kind="exchanges")


def profile_table() -> nodes.Node:
    """Return what the profiles of the emulator differ in."""
    body = []
    for field in dataclasses.fields(testing.Profile):
        values = [getattr(profile, field.name) for profile in testing.PROFILES.values()]
        cells = [[nodes.Text(_plain(value))] for value in values]
        body.append([[nodes.literal(text=field.name)], *cells])
    return _table(["", *testing.PROFILES], body, kind="profiles")


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


# Sphinx


def _directive(make: Callable[[], nodes.Node]) -> type[SphinxDirective]:
    """Return a directive without arguments that stands for what a function makes."""

    class Generated(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            return [make()]

    return Generated


def _plain_signature(
    _app: Sphinx,
    _what: str,
    _name: str,
    obj: object,
    _options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Write what a signature would spell out, or cannot spell, by its name."""
    if getattr(obj, "_is_protocol", False):
        # Nobody makes one.
        return "", None
    if signature is not None:
        for name in ("Fault", "Reply"):
            spelled = stringify_annotation(getattr(testing, name), "smart")
            signature = signature.replace(spelled, f"~{testing.__name__}.{name}")
        # A default that is made anew each time.
        signature = signature.replace("<factory>", "...")
    return signature, returns


def _hide_colons(
    _app: Sphinx, what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Keep napoleon from reading an attribute's ``This: that`` as ``type: description``."""
    if what in {"attribute", "property"}:
        lines[:] = [line.replace(":", HIDDEN_COLON) for line in lines]


def _show_colons(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    lines[:] = [line.replace(HIDDEN_COLON, ":") for line in lines]


def _check_completeness(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that the reference lacks."""
    documented = env.get_domain("py").data["objects"]
    for module in (reconnect, testing):
        for name in module.__all__:
            if f"{module.__name__}.{name}" not in documented:
                logger.warning("the reference lacks %s.%s", module.__name__, name)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives."""
    app.add_directive("error-table", _directive(error_table))
    app.add_directive("profile-table", _directive(profile_table))
    app.add_directive("loss-table", _directive(loss_table))
    app.add_directive("ends-table", _directive(ends_table))
    app.connect("autodoc-process-signature", _plain_signature)
    # Around napoleon, whose priority is the usual 500.
    app.connect("autodoc-process-docstring", _hide_colons, priority=400)
    app.connect("autodoc-process-docstring", _show_colons, priority=600)
    app.connect("env-check-consistency", _check_completeness)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
