"""Shows the demo while it runs: one line per happening, and a table at the end."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from reconnect.events import Event, GaveUp, GoingAway, Lost, Retrying

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Timeline"]

_WIDTH: Final = 100
"""Columns that are used at most: longer lines are hard to read."""

_STAMP: Final = "{:5.1f} s  "
_NARROW: Final = 20
"""Columns that a text gets at least, however narrow the terminal is."""

_STYLES: Final = {
    # What: mark, mark in ASCII, who, style of these, style of the text
    "question": ("→", ">", "you", "bold cyan", "cyan"),
    "reply": ("←", "<", "model", "bold green", ""),
    "cut": ("←", "<", "model", "dim", "dim"),
    "call": ("←", "<", "model", "bold magenta", "magenta"),
    "tool": ("◆", "*", "tool", "bold magenta", "magenta"),
    "fault": ("!", "!", "server", "bold red", "bold red"),
    "trouble": ("·", "-", "session", "yellow", "yellow"),
    "back": ("·", "-", "session", "bold green", "green"),
}


class Timeline:
    """What a person sees of the demo.

    Args:
        console: Where it is printed.
        clock: Returns the time in seconds; the first line is at zero.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._began: float | None = None
        self._lost = ""
        """A loss that is not shown yet."""
        self._ascii = console.options.ascii_only
        self._width = min(console.width, _WIDTH)

    # Before and after

    def heading(self, title: str, *lines: str) -> None:
        """Say what is going to be seen.

        Args:
            title: What runs.
            lines: More about it.
        """
        self._paragraph(title, "bold")
        for line in lines:
            self._paragraph(line, "dim")
        self._console.print()

    def table(self, rows: Iterable[tuple[str, str, bool]]) -> None:
        """Show the figures.

        Args:
            rows: A name, a value, and whether the value is as it should be.
        """
        table = Table(show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, value, good in rows:
            table.add_row(name, Text(value, "" if good else "bold red"))
        self._console.print()
        self._console.print(table)

    def note(self, text: str) -> None:
        """Explain a figure of the table."""
        self._paragraph(text, "dim")

    def verdict(self, text: str, *, good: bool) -> None:
        """Say how it went.

        Args:
            text: One sentence or more.
            good: Whether it went well.
        """
        self._paragraph(text, "bold green" if good else "bold red")

    # While it runs

    def asked(self, question: str) -> None:
        """Show a question."""
        self._line("question", question)

    def answered(self, reply: str, *, whole: bool = False) -> None:
        """Show a complete reply.

        Args:
            reply: Its text.
            whole: Whether to show all of it rather than one line.
        """
        text = reply or "(nothing)"
        self._line("reply", text if whole else self._shortened(text, self._room))

    def cut(self, piece: str, *, by_you: bool = False) -> None:
        """Show what there was of a reply that was cut off.

        Args:
            piece: Its words.
            by_you: Whether the next question has interrupted it; else it will be given anew.
        """
        note = self._plain(f"… (interrupted{' by you' if by_you else ''})")
        beginning = textwrap.shorten(piece, self._room - len(note) - 1, placeholder="")
        self._line("cut", f"{beginning} {note}".lstrip())

    def called(self, calls: Iterable[str], *, again: bool = False) -> None:
        """Show that the model calls tools.

        Args:
            calls: The functions with their arguments, all of one message.
            again: Whether it has made the same calls before.
        """
        self._line("call", f"Calls {' and '.join(calls)}{' again' if again else ''}.")

    def tool(self, text: str) -> None:
        """Show what becomes of a run of the tool."""
        self._line("tool", text)

    def reused(self, calls: Sequence[str]) -> None:
        """Show that the session has answered calls of the model's by itself.

        Args:
            calls: The functions with their arguments.
        """
        self.called(calls, again=True)
        one = "Sends the earlier result: the tool does not run again."
        more = "Sends the earlier results: no tool runs again."
        self._line("back", one if len(calls) == 1 else more)

    def fault(self, text: str) -> None:
        """Show what the server does."""
        self._line("fault", text)

    def event(self, event: Event) -> None:
        """Show what the session tells; a loss together with what is done about it."""
        told = f"{event}"
        sentence = f"{told[0].upper()}{told[1:]}."
        if isinstance(event, Lost):
            self._show_loss()
            self._lost = sentence
        elif isinstance(event, Retrying | GoingAway | GaveUp):
            lost, self._lost = self._lost, ""
            self._line("trouble", f"{lost} {sentence}".lstrip())
        else:
            self._line("back", sentence)

    # How it is printed

    @property
    def _room(self) -> int:
        """The columns of a line behind its stamp, mark and name."""
        return max(self._width - len(_STAMP.format(0)) - len("> session  "), _NARROW)

    def _show_loss(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, ""
            self._line("trouble", lost)

    def _line(self, what: str, text: str) -> None:
        self._show_loss()
        now = self._clock()
        if self._began is None:
            self._began = now
        mark, plain, who, style, text_style = _STYLES[what]
        stamp = _STAMP.format(now - self._began)
        head = f"{plain if self._ascii else mark} {who:<7}  "
        first, *rest = textwrap.wrap(self._plain(text), self._room)
        line = Text.assemble((stamp, "dim"), (head, style), (first, text_style))
        for more in rest:
            line.append("\n" + " " * (len(stamp) + len(head)) + more, text_style)
        self._console.print(line, soft_wrap=True)

    def _paragraph(self, text: str, style: str) -> None:
        for line in textwrap.wrap(self._plain(text), self._width):
            self._console.print(Text(line, style), soft_wrap=True)

    def _plain(self, text: str) -> str:
        """Return the text in what the terminal can show."""
        if not self._ascii:
            return text
        return text.replace("…", "...").encode("ascii", "replace").decode("ascii")

    def _shortened(self, text: str, room: int) -> str:
        """Return a text of one line: what is too much goes from its middle, by whole words."""
        if len(text) <= room:
            return text
        words = text.split()
        gap = self._plain("…")
        head, tail = "", ""
        while words and len(f"{head} {words[0]}") <= room // 3:
            head = f"{head} {words.pop(0)}".lstrip()
        while words and len(f"{head} {gap} {words[-1]} {tail}".rstrip()) <= room:
            tail = f"{words.pop()} {tail}".rstrip()
        return f"{head} {gap} {tail}".strip()
