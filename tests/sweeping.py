"""How much a plain run plays of what takes long."""

import os

ALL = os.environ.get("RECONNECT_SWEEP") == "all"
"""Whether it is all: in the nightly runs, and for whoever asks for it."""
