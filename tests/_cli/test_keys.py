"""How the help texts say what the keys of a JSON object are."""

from reconnect._cli.keys import described


def test_described():
    """Each key has its line, in columns, and what is long goes on below."""
    assert described({"a": "100% of it", "long": "word " * 20}) == (
        "the keys of --json:\n"
        "  a     100%% of it\n"
        "  long  word word word word word word word word word word word word word word\n"
        "        word word word word word word"
    )
