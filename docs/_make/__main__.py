"""Writes the generated parts of the pages: ``python docs/_make``; ``--check`` names the stale.

A part of a page stands between two comments, which neither a code host nor the built site shows::

    <!-- make: error-table -->
    ...
    <!-- made -->

What stands between them comes from the code. Drawings are files of their own in ``_static``.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import frameworks
import herd
import keys
import layout
import reference
import tables
from command import output

DOCS: Final = Path(__file__).resolve().parents[1]
ROOT: Final = DOCS.parent

PARTS: Final[Mapping[str, Callable[..., str]]] = {
    "api": reference.entry,
    "command": output,
    "decisions": tables.decisions,
    "ends": tables.ends,
    "error-table": tables.errors,
    "frameworks": frameworks.sums,
    "herd": herd.table,
    "herd-sources": herd.sources,
    "kept": tables.kept,
    "keys": keys.keys,
    "layout": layout.table,
    "profiles": tables.profiles,
}
"""What a part is called, and what writes it."""

DRAWINGS: Final[Mapping[str, Callable[[str | None], str]]] = {
    "layout.svg": layout.drawing,
    "herd.svg": herd.ours,
    "herds.svg": herd.all_of_them,
}
"""The drawings; each is given what is there now, which it may keep."""

PART: Final = re.compile(r"(<!-- make: (.+?) -->\n)(.*?)(<!-- made -->)", re.DOTALL)


def pages() -> list[Path]:
    """Return all pages, the README among them."""
    return [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def made(text: str) -> str:
    """Return a page with its parts as they must be.

    Raises:
        LookupError: If there is no part of a name that it asks for, or a comment is left open.
    """
    if text.count("<!-- make:") != text.count("<!-- made -->"):
        raise LookupError("each <!-- make: ... --> needs a <!-- made -->")

    def part(found: re.Match[str]) -> str:
        name, *arguments = shlex.split(found[2])
        if name not in PARTS:
            raise LookupError(f"there is no part {name!r}, only {', '.join(PARTS)}")
        return f"{found[1]}{PARTS[name](*arguments).strip()}\n\n{found[4]}"

    return PART.sub(part, text)


def main() -> int:
    """Write what is stale, or name it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python docs/_make", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    check = parser.parse_args().check
    wanted = {page: made(page.read_text(encoding="utf-8")) for page in pages()}
    for name, draw in DRAWINGS.items():
        file = DOCS / "_static" / name
        wanted[file] = draw(file.read_text(encoding="utf-8") if file.exists() else None)
    stale = [
        file
        for file, text in wanted.items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    for file in stale:
        sys.stdout.write(f"{'stale' if check else 'written'}: {file.relative_to(ROOT)}\n")
        if not check:
            file.write_text(wanted[file], encoding="utf-8")
    if check and stale:
        sys.stdout.write("run python docs/_make\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
