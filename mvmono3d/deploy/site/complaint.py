"""Why a site file is refused: one sentence with the key, what was expected, what was found and what helps."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from mvmono3d.deploy.site.settings import Site

UNITS = {
    "us": "microseconds", "ms": "milliseconds", "s": "seconds", "hz": "hertz", "px": "pixels",
    "db": "decibels", "gb": "gigabytes", "bytes": "bytes", "ppm": "parts per million", "days": "days",
    "m": "metres",
}  # fmt: skip
"""What the last word of a key counts in."""

_WHERE = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]")
_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<key>[^`]*)`")
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "nothing"}


def complaint(error: msgspec.ValidationError, content: Any) -> str:
    """Put a validation's error into words; `content` is what the file holds."""
    text = str(error)
    found = _WHERE.search(text)
    steps = _steps(found["path"] if found else "")
    table = _dotted(steps) or "the file"
    known = _fields(steps, content)
    if unknown := _UNKNOWN.search(text):
        return f"unknown key {unknown['key']!r} in {table}{_nearest(unknown['key'], known)}"
    if missing := _MISSING.search(text):
        key = missing["key"]
        return f"{table} lacks {key!r}, expected {_expected(known.get(key), key)}"
    if steps[-1:] == ["kind"]:
        return f"{_dotted(steps)} = {_value(steps, content)!r}, expected {_words(_KIND, '')}"
    place = next((at for at in range(len(steps), -1, -1) if _type_at(steps[:at], content) is not None), 0)
    expected = _expected(_type_at(steps[:place], content), _last_key(steps))
    reason = "" if text.startswith(("Expected", "Invalid")) else f" ({_WHERE.sub('', text)})"
    return f"{_dotted(steps) or 'the file'} = {_shown(_value(steps, content))}, expected {expected}{reason}"


def _steps(path: str) -> list[str | int]:
    return [step["key"] if step["key"] is not None else int(step["index"]) for step in _STEP.finditer(path)]


def _dotted(steps: list[str | int]) -> str:
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps]
    return "".join(parts).removeprefix(".")


def _last_key(steps: list[str | int]) -> str:
    return next((step for step in reversed(steps) if isinstance(step, str)), "")


def _value(steps: list[str | int], content: Any) -> Any:
    for step in steps:
        content = content[step]
    return content


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return f"a table of {', '.join(map(str, value)) or 'nothing'}"
    kind = next((word for type_, word in _KINDS.items() if type(value) is type_), type(value).__name__)
    return f"{value!r} ({kind})"


def _type_at(steps: list[str | int], content: Any) -> inspect.Type | None:
    here: inspect.Type | None = inspect.type_info(Site)
    for step in steps:
        here = _step_into(here, step, content)
        if here is None:
            return None
        content = content[step]
    return here


def _step_into(here: inspect.Type | None, step: str | int, content: Any) -> inspect.Type | None:
    if isinstance(step, int):
        return next((each.item_type for each in _alternatives(here) if hasattr(each, "item_type")), None)
    struct = _struct(here, content)
    fields = () if struct is None else struct.fields
    return next((field.type for field in fields if field.name == step), None)


def _struct(here: inspect.Type | None, content: Any) -> inspect.StructType | None:
    """Return the table meant here; of several the one that the file's `kind` names."""
    structs = [each for each in _alternatives(here) if isinstance(each, inspect.StructType)]
    if len(structs) > 1 and isinstance(content, dict):
        structs = [each for each in structs if each.tag == content.get("kind")]
    return structs[0] if len(structs) == 1 else None


def _alternatives(here: inspect.Type | None) -> Iterator[Any]:
    if isinstance(here, inspect.UnionType):
        yield from here.types
    elif here is not None:
        yield here


def _fields(steps: list[str | int], content: Any) -> dict[str, inspect.Type]:
    struct = _struct(_type_at(steps, content), _value(steps, content))
    if struct is None:
        return {"kind": _KIND}
    tag = {"kind": _KIND} if struct.tag is not None else {}
    return tag | {field.name: field.type for field in struct.fields}


_KIND = inspect.LiteralType(("harvesters", "replay", "virtual"))


def _nearest(key: str, known: dict[str, inspect.Type]) -> str:
    stem = key.rpartition("_")[0] or key
    same = [name for name in known if name.rpartition("_")[0] == stem or name == stem or name.startswith(key)]
    near = (same or difflib.get_close_matches(key, known, n=1))[:1]
    hint = f"; did you mean {near[0]!r}, {_expected(known[near[0]], near[0])}?" if near else ""
    return f"{hint} (known: {', '.join(sorted(known))})"


def _expected(here: inspect.Type | None, key: str) -> str:
    unit = UNITS.get(key.rpartition("_")[2], "") if "_" in key else ""
    words = [_words(each, unit) for each in _alternatives(here) if not isinstance(each, inspect.NoneType)]
    return " or ".join(dict.fromkeys(words)) or "another value"


def _words(here: inspect.Type, unit: str) -> str:
    if isinstance(here, inspect.LiteralType):
        return f"one of {', '.join(map(str, here.values))}"
    if isinstance(here, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(here, inspect.IntType) else "a number"
        return noun + (f" of {unit}" if unit else "") + _bounds(here)
    if isinstance(here, inspect.StrType):
        letters = " of letters, digits and . _ -" if here.pattern else ""
        return f"text{letters}, in quotes where it looks like a number"
    if isinstance(here, inspect.BoolType):
        return "true or false"
    if isinstance(here, inspect.StructType):
        return "a table" if here.tag is None else f"a table with kind: {here.tag}"
    if isinstance(here, inspect.DictType):
        return "a table of true or false, numbers and text"
    return "a list of at least one" if getattr(here, "min_length", None) else "a list"


def _bounds(here: inspect.IntType | inspect.FloatType) -> str:
    names = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    found = [(word, getattr(here, name)) for name, word in names.items()]
    text = " and ".join(f"{word} {value:g}" for word, value in found if value is not None)
    return f", {text}" if text else ""
