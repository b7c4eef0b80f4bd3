"""Connects, reads, writes, waits and closes: the only place that knows the SDK."""
