"""A console that can be read back, and what is written on it."""

import io
import itertools
import re

from rich.console import Console

from reconnect._cli.demo.timeline import Timeline


class Paper(Console):
    """A console of 80 columns whose text can be read back."""

    def __init__(self, encoding: str = "utf-8", width: int = 80) -> None:
        self.bytes = io.BytesIO()
        super().__init__(
            file=io.TextIOWrapper(self.bytes, encoding=encoding, write_through=True), width=width
        )

    @property
    def text(self) -> str:
        """What was printed, its lines joined where they were wrapped for their length."""
        return self.bytes.getvalue().decode()

    @property
    def flat(self) -> str:
        """What was printed, in one line."""
        return " ".join(self.text.split())

    @property
    def happenings(self) -> list[str]:
        """The lines of the timeline, unwrapped, without what depends on the machine's speed."""
        unwrapped = re.sub(r"\n {20}(?=\S)", " ", self.text)
        lines = [line[9:] for line in unwrapped.splitlines() if line[5:9] == " s  "]
        missing = r"(: |, )(up to )?[0-9.]+ s of audio (lost|dropped)"
        return [re.sub(r"[0-9.]+ s\b", "# s", re.sub(missing, "", line)) for line in lines]

    def figure(self, name: str) -> str:
        """Return a figure of the table."""
        rows = [line.split("│") for line in self.text.splitlines() if line.startswith("│")]
        (value,) = (value for _, title, value, _ in rows if title.strip() == name)
        return value.strip()


def timeline_on(paper: Paper) -> Timeline:
    """Return a timeline with a line every one and a quarter seconds."""
    times = itertools.count(1000.0, 1.25)
    return Timeline(paper, lambda: next(times))
