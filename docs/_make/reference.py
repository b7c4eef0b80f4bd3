"""The reference: public names as Markdown, from their signatures and docstrings.

A docstring is a sentence, prose, and then ``Args:`` and ``Raises:``. A name in single backticks is
a public one, and becomes a link to where it is described.
"""

import ast
import dataclasses
import enum
import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["entry"]

PAGE: Final = Path(__file__).resolve().parents[1] / "reference.md"
SECTIONS: Final = ("Args", "Raises", "Returns", "Yields")
WIDTH: Final = 80
"""Characters: a signature that is longer is written a parameter a line."""

MODULES: Final = {
    "reconnect.backoff": "#waits",
    "reconnect.events": "#events",
    "reconnect.testing.strategies": "#laws-and-strategies",
}
"""Where the reference describes what is in a module."""

SPECIAL: Final = ("__aenter__", "__aexit__", "__call__", "__enter__", "__exit__")


def entry(path: str, bare: str = "") -> str:
    """Describe a class or a function.

    Args:
        path: Its name, with its module: ``reconnect.ReconnectPolicy``.
        bare: "bare" to leave out the methods of a class.
    """
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    parts = [f"### {name}"]
    parts.append(f"```python\n{_signature(name, found)}\n```")
    parts.append(_prose(_docstring(found), path))
    if isinstance(found, type) and not bare:
        parts += _members(name, found, path)
    return "\n\n".join(part for part in parts if part)


# Signatures


def _signature(name: str, found: Any) -> str:
    """Return how something is called."""
    if isinstance(found, type) and issubclass(found, enum.Enum):
        return f"class {name}({', '.join(base.__name__ for base in found.__bases__)})"
    if isinstance(found, type) and getattr(found, "_is_protocol", False):
        return f"class {name}(Protocol)"
    is_class = isinstance(found, type)
    head = ("class " if is_class else "async def " if _is_async(found) else "def ") + name
    try:
        signature = inspect.signature(found)
    except ValueError:
        return head
    written = _written(found)
    parameters = [_parameter(parameter, written) for parameter in _spelled(signature)]
    back = (
        ""
        if is_class or signature.return_annotation is inspect.Signature.empty
        else (f" -> {_annotation(signature.return_annotation)}")
    )
    line = f"{head}({', '.join(parameters)}){back}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{head}(", *(f"    {parameter}," for parameter in parameters), f"){back}"])


def _is_async(found: Any) -> bool:
    return inspect.iscoroutinefunction(found)


def _spelled(signature: inspect.Signature) -> Iterator[inspect.Parameter | str]:
    """Yield the parameters that a caller gives, with the star and the slash between them."""
    starred = False
    last = None
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if last is inspect.Parameter.POSITIONAL_ONLY and parameter.kind is not last:
            yield "/"
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            starred = True
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield parameter
        last = parameter.kind


def _written(found: Any) -> dict[str, str]:
    """Return the annotations of the parameters as they are written, with the names of aliases."""
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(found))).body
    if isinstance(tree, ast.ClassDef):
        made = [it for it in tree.body if getattr(it, "name", "") == "__init__"]
        if not made:
            fields = [it for it in tree.body if isinstance(it, ast.AnnAssign)]
            return {ast.unparse(it.target): ast.unparse(it.annotation) for it in fields}
        [tree] = made
    assert isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef)
    given = tree.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return {it.arg: ast.unparse(it.annotation) for it in every if it and it.annotation}


def _parameter(parameter: inspect.Parameter | str, written: Mapping[str, str]) -> str:
    """Return a parameter as a signature has it.

    Args:
        parameter: It, or a star or slash between parameters.
        written: The annotations, as far as the source has them.
    """
    if isinstance(parameter, str):
        return parameter
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    text = stars.get(parameter.kind, "") + parameter.name
    if parameter.annotation is not inspect.Parameter.empty:
        annotation = written.get(parameter.name, parameter.annotation)
        text += f": {_annotation(annotation)}"
    if parameter.default is not inspect.Parameter.empty:
        text += f" = {_default(parameter.default)}"
    return text


def _annotation(annotation: object) -> str:
    """Return an annotation as it is written; most of them are texts."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:reconnect|typing|collections\.abc|google\.genai)\.(?:\w+\.)*", "", text)


def _default(value: object) -> str:
    """Return a default as a reader would write it."""
    if inspect.isroutine(value):
        module = getattr(value, "__module__", None) or type(value.__self__).__module__
        return f"{module}.{value.__name__}"
    text = repr(value)
    if text.startswith("<"):
        # A default that is made anew each time.
        return "..."
    return text


# Members


def _members(name: str, found: type, path: str) -> list[str]:
    if issubclass(found, enum.Enum):
        return ["\n".join(f"- `{it.name}`: {text}" for it, text in _documented(found))]
    parts = []
    for member, value in vars(found).items():
        if member.startswith("_") and member not in SPECIAL:
            continue
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__  # noqa: PLW2901
        if isinstance(value, property | functools.cached_property):
            value = value.fget if isinstance(value, property) else value.func  # noqa: PLW2901
            text = _prose(inspect.getdoc(value) or "", path)
            back = _annotation(inspect.signature(value).return_annotation)
            parts.append(f"#### `{name}.{member}`\n\n```python\n{member}: {back}\n```\n\n{text}")
        elif inspect.isroutine(value) and inspect.getdoc(value):
            text = _prose(inspect.getdoc(value) or "", path)
            signature = _signature(member, value)
            parts.append(f"#### `{name}.{member}`\n\n```python\n{signature}\n```\n\n{text}")
    return parts


def _documented(found: type[enum.Enum]) -> Iterator[tuple[enum.Enum, str]]:
    """Yield the members of an enumeration with the texts below them, which Python does not keep."""
    source = inspect.getsource(found)
    for member in found:
        # No further than the line below it: the next text may be another member's.
        text = re.search(
            rf'^    {member.name} = [^\n]*\n    """(.*?)"""', source, re.MULTILINE | re.DOTALL
        )
        yield member, _inline(" ".join(text[1].split()), found.__qualname__) if text else ""


# Docstrings


def _docstring(found: Any) -> str:
    """Return a docstring; that of a dataclass with the arguments that it has from its bases."""
    text = inspect.getdoc(found) or ""
    described = _arguments(text)
    inherited: dict[str, str] = {}
    for base in found.__mro__[1:] if dataclasses.is_dataclass(found) else ():
        for name, what in _arguments(inspect.cleandoc(base.__doc__ or "")).items():
            if name not in described:
                inherited.setdefault(name, what)
    if not inherited:
        return text
    blocks = list(_blocks(text))
    lines = "\n".join(f"    {name}: {what}" for name, what in inherited.items())
    # Behind its own arguments, or in front of the errors, or at the end.
    sections = [number for number, block in enumerate(blocks) if _is_section(block.split("\n")[0])]
    if described:
        blocks[sections[0]] += f"\n{lines}"
    else:
        blocks.insert(sections[0] if sections else len(blocks), f"Args:\n{lines}")
    return "\n\n".join(blocks)


def _arguments(docstring: str) -> dict[str, str]:
    """Return the arguments that a docstring describes, with what it says of each."""
    for block in _blocks(docstring):
        section, _, body = block.partition("\n")
        if section == "Args:":
            return dict(_entries(body))
    return {}


def _prose(docstring: str, path: str) -> str:
    """Return a docstring as Markdown.

    Args:
        docstring: It, without indentation.
        path: Whose it is, for the error over a name that there is not.
    """
    parts = []
    for block in _blocks(docstring):
        section, _, body = block.partition("\n")
        if section.rstrip(":") in SECTIONS and section.endswith(":"):
            parts.append(f"{section}\n\n{_items(body, path)}")
        elif block.startswith("    "):
            parts.append(f"```python\n{textwrap.dedent(block)}\n```")
        else:
            text = (
                " ".join(line.strip() for line in block.splitlines())
                if "\n- " not in block
                else block
            )
            parts.append(_inline(re.sub(r"::$", ":", text), path))
    return "\n\n".join(parts)


def _blocks(docstring: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring; a section is one, and so is what is indented."""
    block: list[str] = []
    for line in docstring.splitlines():
        whole = block and (_is_section(block[0]) or block[0].startswith(" "))
        if block and (line[:1] not in ("", " ") if whole else not line):
            yield "\n".join(block).rstrip()
            block = []
        if line or block:
            block.append(line)
    if block:
        yield "\n".join(block).rstrip()


def _is_section(line: str) -> bool:
    return line.endswith(":") and line[:-1] in SECTIONS


def _items(body: str, path: str) -> str:
    """Return the entries of a section as a list."""
    return "\n".join(f"- `{name}`: {_inline(text, path)}" for name, text in _entries(body))


def _entries(body: str) -> Iterator[tuple[str, str]]:
    """Yield the names of a section and what it says of each."""
    for item in re.split(r"\n(?=\S)", textwrap.dedent(body).strip()):
        name, _, text = " ".join(item.split()).partition(": ")
        yield name, text


@functools.cache
def known() -> dict[str, str]:
    """Return the headings of the reference that can be linked to, by every name that they have."""
    names: dict[str, str] = {}
    text = PAGE.read_text(encoding="utf-8")
    for path in re.findall(r"<!-- make: api (\S+)", text):
        module, _, name = path.rpartition(".")
        names[name] = names[path] = f"#{name.lower()}"
        found = getattr(importlib.import_module(module), name)
        if isinstance(found, type):
            for member in dir(found):
                if not member.startswith("_"):
                    fields = dataclasses.is_dataclass(found) and member in {
                        field.name for field in dataclasses.fields(found)
                    }
                    target = (
                        name.lower()
                        if fields or issubclass(found, enum.Enum)
                        else f"{name}{member}".lower()
                    )
                    names[f"{name}.{member}"] = f"#{target}"
    names |= {name: f"#{name.lower()}" for name in re.findall(r"^### (\w+)$", text, re.MULTILINE)}
    return names | MODULES


def _inline(text: str, path: str) -> str:
    """Return the marks of a docstring as those of Markdown.

    Raises:
        LookupError: If it names, in single backticks, what the reference does not have.
    """

    def link(found: re.Match[str]) -> str:
        name = found[2]
        if name is None:
            return f"`{found[1]}`"
        targets = known()
        # A method of the same class needs no other name.
        target = targets.get(name) or targets.get(f"{path.rpartition('.')[2]}.{name}")
        if target is None:
            raise LookupError(f"{path} refers to `{name}`, which the reference does not have")
        return f"[`{name}`]({target})"

    return re.sub(r"``(.+?)``|`([^`]+?)`", link, text)
