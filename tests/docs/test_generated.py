"""The parts of the pages that are made from the code, and the reference's completeness."""

import re
import subprocess
import sys

import pages
import pytest

import reconnect
from reconnect import backoff, events, testing
from reconnect.testing import strategies

REFERENCE = (pages.DOCS / "reference.md").read_text(encoding="utf-8")


def make(*arguments):
    """Run the command that makes the generated parts."""
    return subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "docs/_make", *arguments],
        cwd=pages.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(180)
def test_generated_parts_are_up_to_date():
    """Every generated part of a page, and every drawing, is what the code makes of it now."""
    found = make("--check")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("module", [reconnect, backoff, events, testing, strategies], ids=str)
def test_reference_is_complete(module):
    """The reference has an entry, or a heading, for every public name."""
    entries = set(re.findall(r"<!-- make: api \S+\.(\w+)", REFERENCE))
    entries |= set(re.findall(r"^### (\w+)$", REFERENCE, re.MULTILINE))
    private = {"check_backoff"}  # of the formulas and of the policy, for each other
    assert not set(module.__all__) - entries - private


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_pages_are_plain(page):
    """A page has no role, no directive and no placeholder: a code host would show it as it is."""
    text = pages.FENCE.sub("", page.read_text(encoding="utf-8"))
    assert not re.findall(r"(?<!`)\{\w[\w:-]*\}`|^:::|\{\{.*\}\}", text, re.MULTILINE)
    assert "```{" not in page.read_text(encoding="utf-8")
