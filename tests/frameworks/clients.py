"""The line that changes: how an app gets its client."""

from collections.abc import Callable

from google import genai

from frameworks.listener import Listener
from frameworks.stage import Setting
from reconnect import ReconnectOptions, ResumableClient, install


def client_for(setting: Setting, listener: Listener) -> genai.Client:
    """Return the client of a column, which is all that the columns differ in."""
    if setting.column == "bare":
        return genai.Client(**setting.arguments)
    return ResumableClient(reconnect=ReconnectOptions(on_event=listener.note), **setting.arguments)


def installed_for(setting: Setting, listener: Listener) -> Callable[[], None]:
    """Install what an app needs that makes a client of its own, and return what undoes it."""
    if setting.column == "bare":
        return lambda: None
    return install(ReconnectOptions(on_event=listener.note))
