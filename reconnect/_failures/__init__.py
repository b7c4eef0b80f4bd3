"""Which failure is which: the facts of a loss, and the table that judges it. Pure."""
