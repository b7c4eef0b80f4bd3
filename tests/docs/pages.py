"""Reads the pages as a reader does: their examples, what these print, their links and headings."""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

GENERATED = re.compile(r"<!-- make: .*?<!-- made -->", re.DOTALL)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NEEDS = re.compile(r"<!-- needs: (\S+) -->\n\Z")
SHOWN = re.compile(r"^\s*print\(.*\)  # (.+)$", re.MULTILINE)


@dataclass
class Program:
    """What a reader gets who pastes the Python blocks of a page into an empty file, in order.

    Args:
        page: The page.
        needs: The distribution that its blocks need besides, by ``<!-- needs: NAME -->`` above
            them; "" for the blocks that need none.
    """

    page: Path
    needs: str
    blocks: list[str] = field(default_factory=list)
    prints: list[str] = field(default_factory=list)
    """What it is said to print, in order: text blocks, and comments behind a ``print(...)``."""

    @property
    def source(self) -> str:
        """All of it."""
        return "\n\n".join(self.blocks)

    def __str__(self) -> str:
        return f"{self.page.name} {self.needs}".strip()


def written(page):
    """Return what a person has written of a page: it without its generated parts."""
    return GENERATED.sub("", page.read_text(encoding="utf-8"))


def programs():
    """Return the programs of all pages."""
    found = []
    for page in PAGES:
        of_page = {}
        text, last = written(page), None
        for block in FENCE.finditer(text):
            language, body = block.groups()
            if language == "python":
                needs = NEEDS.search(text[: block.start()])
                name = needs[1] if needs else ""
                last = of_page.setdefault(name, Program(page, name))
                last.blocks.append(body)
                last.prints += SHOWN.findall(body)
            elif language == "text" and last is not None:
                last.prints += body.strip().splitlines()
        found += of_page.values()
    return found


def slugs(page):
    """Return the anchors of a page's headings, as a code host makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = []
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.append(slug)
    return found


def links(page):
    """Return the targets of a page's links and pictures."""
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    return re.findall(r"\]\(([^)\s]+)\)", text)
