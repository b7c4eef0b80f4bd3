"""What is known of a model by its name."""

import pytest

from reconnect._conversation.models import ends_turns, takes_content


@pytest.mark.parametrize(
    ("model", "content", "turns"),
    [
        ("gemini-3.1-flash-live-preview", False, True),
        ("models/gemini-3.1-flash-live-preview", False, True),
        ("gemini-2.5-flash-native-audio-preview", True, True),
        ("gemini-3.10-flash-live", True, True),
        ("gemini-3.5-live-translate", True, False),
        ("gemini-live-transcribe", True, False),
    ],
)
def test_models(model, content, turns):
    """A name tells whether client content is taken in a session, and whether turns end."""
    assert takes_content(model) is content
    assert ends_turns(model) is turns
