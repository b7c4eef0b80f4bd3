"""What an error tells whoever looks at it."""

import traceback


def told(error):
    """Return all that can be told of an error, and of what it was raised from, during or with."""
    pending, seen, texts = [error], [], ["".join(traceback.format_exception(error))]
    while pending:
        found = pending.pop()
        if found is None or any(found is other for other in seen):
            continue
        seen.append(found)
        texts += [str(found), repr(found), repr(found.args), repr(vars(found))]
        pending += [found.__cause__, found.__context__]
        pending += found.exceptions if isinstance(found, BaseExceptionGroup) else ()
    return "\n".join(texts)
