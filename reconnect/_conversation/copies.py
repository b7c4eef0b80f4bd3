"""Copies of what others may change: what is kept stays as it was said."""

from __future__ import annotations

from typing import Any

__all__ = ["copy_of"]


def copy_of(value: Any) -> Any:
    """Return a copy of what a caller may change; what is no data is kept as it is.

    ``copy.deepcopy`` was rejected: a tool may be a method of an object that cannot be copied.

    Args:
        value: What is said in a message, or a part of it.
    """
    if value is None or isinstance(value, (str, bytes, bool, int, float)):
        return value
    if isinstance(value, dict):
        return {name: copy_of(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [copy_of(part) for part in value]
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    fields = getattr(value, "__pydantic_fields_set__", None)
    if fields is None or isinstance(value, type):
        return value
    copied = value.model_copy()
    vars(copied).update({name: copy_of(getattr(value, name)) for name in fields})
    return copied
