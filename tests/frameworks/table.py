"""Writes the table of docs/frameworks.md: ``python tests/frameworks/table.py``.

It plays every scenario on both columns with the frameworks that are installed in this environment,
and leaves what the others have. ``nox -f .ci/noxfile.py -s frameworks -- --table`` does so for all.
"""

import argparse
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from frameworks.catalog import FRAMEWORKS, Framework  # noqa: E402
from frameworks.player import play  # noqa: E402
from frameworks.scenarios import SCENARIOS, Scenario  # noqa: E402
from frameworks.stage import COLUMNS, MODELS  # noqa: E402

PAGE = ROOT / "docs" / "frameworks.md"
BEGIN, END = "<!-- made by tests/frameworks/table.py -->\n", "<!-- end of what is made -->\n"

PIN = re.compile(r"([\w-]+)(?:\[.*\])?==(.+)")
"""A distribution whose version is pinned."""

UNKNOWN = "?"
"""What stands in a cell that nobody has measured yet."""

ALL = "all"
"""The name of the last row, which counts."""


def main() -> None:
    """Measure, and write the page or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it differs")
    check = parser.parse_args().check
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    made, after = rest.split(END)
    cells = _read(made)
    for framework in FRAMEWORKS:
        if framework.version is not None:
            cells |= _measure(framework)
    new = before + BEGIN + _page(cells) + END + after
    if check and new != PAGE.read_text(encoding="utf-8"):
        sys.exit(f"{PAGE.name} is not what it would be made: run this without --check")
    PAGE.write_text(new, encoding="utf-8")


def _measure(framework: Framework) -> dict[tuple[str, str], str]:
    """Return the cells of a framework, by its name and the row."""
    app = framework.load()
    cells = {}
    sums = [0, 0]
    for scenario in SCENARIOS:
        held = [_held(scenario, app, column) for column in COLUMNS]
        sums = [total + count for total, count in zip(sums, held, strict=True)]
        cells[framework.name, scenario.name] = f"{held[0]} → {held[1]}"
        sys.stderr.write(f"{framework.name}: {scenario.name}: {held[0]} → {held[1]}\n")
    cells[framework.name, ALL] = f"**{sums[0]} → {sums[1]}**"
    return cells


def _held(scenario: Scenario, app: type, column: str) -> int:
    """Return on how many models a conversation held."""
    return sum(not play(scenario, app, column=column, profile=profile) for profile in MODELS)


def _read(made: str) -> dict[tuple[str, str], str]:
    """Return the cells of a page, by framework and row; none of one that has none."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in made.splitlines()
        if line.startswith("|")
    ]
    if not rows:
        return {}
    head, _, *body = rows
    return {
        (framework, row[0]): cell
        for row in body
        for framework, cell in zip(head[1:], row[1:], strict=True)
    }


def _versions() -> list[str]:
    """Return the frameworks that are pinned, each with its version."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = [item for group in groups["dependency-groups"].values() for item in group]
    pinned = (PIN.fullmatch(item) for item in pins if isinstance(item, str))
    return sorted({f"{match[1]} {match[2]}" for match in pinned if match})


def _page(cells: dict[tuple[str, str], str]) -> str:
    names = [framework.name for framework in FRAMEWORKS]
    rows = [["scenario", *names], ["---"] * (len(names) + 1)]
    for scenario in [*(scenario.name for scenario in SCENARIOS), ALL]:
        rows.append([scenario, *(cells.get((name, scenario), UNKNOWN) for name in names)])
    lines = ["\n", *(f"| {' | '.join(row)} |\n" for row in rows), "\n"]
    number = len(SCENARIOS) * len(MODELS)
    lines.append(
        f"There are {len(SCENARIOS)} scenarios on {len(MODELS)} models: {number} in all.\n\n"
    )
    lines.append(f"Measured with {', '.join(_versions())}.\n\n")
    lines.append("What the frameworks themselves make impossible:\n\n")
    for framework in FRAMEWORKS:
        for item in framework.impossible:
            which = f"{', '.join(item.scenarios)} ({', '.join(item.profiles)})"
            lines.append(f"- {framework.name}: {which}. {item.why} (`{item.where}`).\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
