"""The keys of JSON, as the documentation writes them."""


def paths(data, before=""):
    """Return each key once, in order, with those that lead to it: ``cases[].kind``."""
    if isinstance(data, list):
        found = [path for item in data for path in paths(item, f"{before}[]")]
        return list(dict.fromkeys(found))
    if not isinstance(data, dict):
        return []
    lead = f"{before}." if before else ""
    return [path for key in data for path in (f"{lead}{key}", *paths(data[key], f"{lead}{key}"))]
