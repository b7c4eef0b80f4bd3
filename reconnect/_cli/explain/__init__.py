"""Explains a failure from a code or from a text that somebody has at hand."""
