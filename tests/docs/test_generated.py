"""The reference's completeness. That generated parts are up to date `docs/_make --check` says."""

import ast
import json
import re

import pages
import pytest
from paths import paths

import reconnect
from reconnect import backoff, events, testing
from reconnect._cli.main import main
from reconnect.testing import strategies

REFERENCE = (pages.DOCS / "reference.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", [reconnect, backoff, events, testing, strategies], ids=str)
def test_reference_is_complete(module):
    """The reference has an entry, or a heading, for every public name."""
    entries = set(re.findall(r"<!-- make: api \S+\.(\w+)", REFERENCE))
    entries |= set(re.findall(r"^### (\w+)$", REFERENCE, re.MULTILINE))
    private = {"check_backoff"}  # of the formulas and of the policy, for each other
    assert not set(module.__all__) - entries - private


ENTRY = re.compile(
    r"^```python\n(?:class|(?:async )?def) (\w+\(.*?\)[^\n]*)\n```\n(.*?)(?=^#{2,4} |^<!-- made)",
    re.MULTILINE | re.DOTALL,
)


def parameters(signature):
    """Return the names of the parameters in a signature of the reference."""
    [made] = ast.parse(f"def {signature}: ...").body
    given = made.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [parameter.arg for parameter in every if parameter and parameter.annotation]


def test_every_parameter_is_described():
    """The reference says of each parameter what it is, of one from a base class too."""
    entries = [entry for entry in ENTRY.findall(REFERENCE) if not entry[0].startswith("__")]
    assert len(entries) > 80
    missing = [
        (signature, name)
        for signature, text in entries
        for name in parameters(signature)
        if not re.search(rf"^- `\*{{0,2}}{name}`: ", text, re.MULTILINE)
    ]
    assert not missing


@pytest.mark.parametrize("name", ["FailureKind", "Phase"])
def test_every_member_has_its_own_text(name):
    """The members of an enumeration are described, each in words of its own."""
    [text] = [
        text for signature, text in ENTRY.findall(REFERENCE) if signature == f"{name}(StrEnum)"
    ]
    members = re.findall(r"^- `(\w+)`: (.+)$", text, re.MULTILINE)
    assert [member for member, _ in members] == list(getattr(reconnect, name).__members__)
    assert len({what for _, what in members}) == len(members)


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_pages_are_plain(page):
    """A page has no role, no directive and no placeholder: a code host would show it as it is."""
    text = pages.FENCE.sub("", page.read_text(encoding="utf-8"))
    assert not re.findall(r"(?<!`)\{\w[\w:-]*\}`|^:::|\{\{.*\}\}", text, re.MULTILINE)
    assert "```{" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "command"),
    [("watch.md", ["explain", "1011"]), ("many.md", ["simulate", "--clients", "9"])],
    ids=["explain", "simulate"],
)
def test_every_key_is_described(page, command, capsys):
    """The page of a command has a line for each key of what it writes with --json."""
    assert main([*command, "--json"]) == 0
    text = (pages.DOCS / page).read_text(encoding="utf-8")
    [listed] = re.findall(rf"<!-- make: keys {command[0]} -->\n(.*?)<!-- made", text, re.DOTALL)
    described = re.findall(r"^\| `(.+?)` \| \w.+ \|$", listed, re.MULTILINE)
    assert described == paths(json.loads(capsys.readouterr().out))
