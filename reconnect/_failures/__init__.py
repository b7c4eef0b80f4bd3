"""Which failure is which: the facts of a loss, and the error table. Pure."""
