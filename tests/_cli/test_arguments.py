"""What the commands share in how they take their arguments."""

import pytest

from reconnect._cli.arguments import UsageError, check_file, described


def test_described():
    """Each key has its line, in columns, and what is long goes on below."""
    assert described({"a": "100% of it", "long": "word " * 20}) == (
        "the keys of --json:\n"
        "  a     100%% of it\n"
        "  long  word word word word word word word word word word word word word word\n"
        "        word word word word word word"
    )


def test_file(tmp_path):
    """A file that can be written is taken; another ending, or no folder, is named."""
    check_file("--x", tmp_path / "a.svg", [".png", ".svg"])
    with pytest.raises(UsageError, match=r"--x must be a .png or .svg file, got .*a.pdf"):
        check_file("--x", tmp_path / "a.pdf", [".png", ".svg"])
    with pytest.raises(UsageError, match=r"--x must be in a folder that there is, got .*a.svg"):
        check_file("--x", tmp_path / "nowhere" / "a.svg", [".svg"])
