"""Tools as callers have them: a function, and a method of an object that cannot be copied."""


def tool(seats: int) -> str:
    """Return a result."""
    return str(seats)


class Uncopyable:
    """An object that holds a connection, say, with a tool for a method."""

    def __deepcopy__(self, memo):
        raise TypeError("cannot be copied")

    def tool(self, seats: int) -> str:
        """Return a result."""
        return str(seats)
