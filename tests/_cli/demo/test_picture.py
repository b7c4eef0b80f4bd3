"""The picture of a run."""

import io
import re
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from rich.text import Text

from reconnect._cli.demo.picture import WIDTH, drawn

SVG = "{http://www.w3.org/2000/svg}"


def shown(count):
    """Return a console that has shown so many lines, the last of which is green."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for number in range(1, count):
        console.print(f"line {number}", highlight=False)
    console.print(Text("verdict", "bold green"))
    return console


def texts(svg):
    """Return the texts of a picture, in order."""
    root = ET.fromstring(svg)  # noqa: S314 (our own)
    found = ("".join(node.itertext()).strip() for node in root.iter(f"{SVG}text"))
    return [text.replace("\xa0", " ") for text in found if text]


def test_short_run_is_shown_whole():
    """What fits into the picture is shown line by line, under its title."""
    assert texts(drawn(shown(3), title="A run")) == ["A run", "line 1", "line 2", "verdict"]


@pytest.mark.parametrize("count", [46, 47, 500])
def test_long_run_is_shortened(count):
    """Of a long run the beginning and the verdict are shown."""
    found = texts(drawn(shown(count), title="A run"))
    assert found[:2] == ["A run", "line 1"]
    assert found[-1] == "verdict"
    assert ("⋮" in found) is (count > 46)
    assert len(found) == min(count, 47) + 1


def test_same_run_has_the_same_picture():
    """The same lines give the same file, with colours, and nothing is loaded from the network."""
    svg = drawn(shown(3), title="A run")
    assert svg == drawn(shown(3), title="A run")
    assert "font-weight: bold" in svg
    assert "font-face" not in svg
    assert re.findall(r"url\((?!#)|href=\"http", svg) == []
