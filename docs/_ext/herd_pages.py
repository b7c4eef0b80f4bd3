"""The drawings and the numbers of the page about herds: simulated when the pages are built."""

import functools
import io
import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from reconnect import ReconnectPolicy
from reconnect._cli.simulate.herd import SHARES, run
from reconnect._cli.simulate.plot import draw
from reconnect._cli.simulate.rivals import RIVALS
from reconnect._cli.simulate.simulation import Herd, Outcome

__all__ = ["setup"]

OUTAGES = (60.0, 280.0)
"""Seconds."""

SHOWN = 120.0
"""Seconds after the return of the server that the drawing shows."""

DEFAULT = "reconnect"


@functools.cache
def outcomes(outage: float) -> dict[str, Outcome]:
    """Simulate the default policy and all that it is compared with.

    Args:
        outage: Seconds.
    """
    policies = {DEFAULT: ReconnectPolicy()}
    policies |= {name: rival.policy for name, rival in RIVALS.items()}
    return {name: run(policy, Herd(outage=outage)) for name, policy in policies.items()}


def formulas() -> dict[str, tuple[str, str]]:
    """Return the formula and the source of each policy, by its name."""
    policy = ReconnectPolicy()
    ours = f"draw * min({policy.cap:g}, {policy.factor:g} ** (attempt - 1))"
    found = {DEFAULT: (ours, "the default of ReconnectPolicy")}
    return found | {name: (rival.formula, rival.source) for name, rival in RIVALS.items()}


def drawing(names: list[str], *, until: float | None) -> nodes.Node:
    """Draw herds.

    Args:
        names: Whose.
        until: Seconds after the return that are shown; None for all.
    """
    file = io.BytesIO()
    draw(
        {name: outcomes(OUTAGES[0])[name] for name in names},
        file,
        kind="svg",
        notes={name: f"{formula}\n{source}" for name, (formula, source) in formulas().items()},
        until=until,
    )
    svg = file.getvalue().decode()
    # As part of a page: without its own head, and as wide as there is room.
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r' (?:height|width)="[^"]*pt"', "", svg, count=2)
    svg = svg.replace("<svg", '<svg class="herd" role="img"', 1)
    return nodes.raw("", svg, format="html")


def table(head: list[str], body: list[list[nodes.Node]]) -> nodes.table:
    """Build a table.

    Args:
        head: The titles of its columns.
        body: Its rows.
    """
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", row([nodes.Text(title) for title in head]))
    group += nodes.tbody("", *(row(cells) for cells in body))
    return nodes.table("", group, classes=["herd"])


def row(cells: list[nodes.Node]) -> nodes.row:
    """Build a row of a table.

    Args:
        cells: What stands in it.
    """
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def numbers(outage: float) -> nodes.table:
    """Tell what came of each herd after an outage.

    Args:
        outage: Seconds.
    """
    body = []
    for name, outcome in outcomes(outage).items():
        back = [outcome.back_within(share) for share in SHARES]
        texts = [
            f"{sum(outcome.attempts) / outcome.herd.clients:.1f}",
            f"{outcome.peak:,}",
            *("never" if seconds is None else f"{seconds:.0f} s" for seconds in back),
        ]
        body.append([nodes.strong(text=name), *(nodes.Text(text) for text in texts)])
    shares = [f"{share:.0%} back" for share in SHARES]
    return table(["", "Attempts per client", "Peak a second", *shares], body)


class Drawing(SphinxDirective):
    """A drawing of the herds that are named; of all if none is."""

    optional_arguments = 10

    def run(self) -> list[nodes.Node]:
        """Draw them."""
        return [
            drawing(self.arguments or list(formulas()), until=None if self.arguments else SHOWN)
        ]


class Numbers(SphinxDirective):
    """A table of what came of each herd after an outage of so many seconds."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Simulate them."""
        return [numbers(float(self.arguments[0]))]


class Sources(SphinxDirective):
    """A table of the formulas and where they stand."""

    def run(self) -> list[nodes.Node]:
        """List them."""
        body: list[list[nodes.Node]] = []
        for name, (formula, source) in formulas().items():
            cited: nodes.Node = nodes.Text(source)
            if source.startswith("https://"):
                cited = nodes.reference(text=source, refuri=source)
            body.append([nodes.strong(text=name), nodes.literal(text=formula), cited])
        return [table(["", "Delay before an attempt, in seconds", "Source"], body)]


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directives."""
    app.add_directive("herd-drawing", Drawing)
    app.add_directive("herd-numbers", Numbers)
    app.add_directive("herd-sources", Sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
