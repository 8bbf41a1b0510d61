"""Text that is C: comments, strings and lines that a person can read."""

import re
from collections.abc import Iterable

import numpy as np

from martlet.compiler.ir.graph import FLOAT32, TRUTH, NumberType

LINE_CHARACTERS = 100
ROUNDER = "0x1.8p+23f"  # added to a small float, it leaves a whole number in the lowest bits
ROUNDER_BITS = "0x4b400000"
PLAIN = str.maketrans({"×": "x", "→": "->", "–": "-", "·": "."})


def c_type(kind: NumberType) -> str:
    """What C calls numbers of a type; a truth value is a byte."""
    return {FLOAT32: "float", TRUTH: "uint8_t"}.get(kind, f"{kind.name}_t")


def plain(text: str) -> str:
    """`text` in printing ASCII on one line."""
    translated = text.translate(PLAIN)
    return "".join(ch if " " <= ch <= "~" else "?" for ch in translated)


def comment(text: str) -> str:
    """A comment; nothing in `text` can end it early."""
    return f"/* {plain(text).replace('*/', '* /').replace('/*', '/ *')} */"


def string(text: str) -> str:
    """A string of C with any characters in UTF-8."""
    kept = []
    for byte in text.encode("utf-8", "replace"):
        ch = chr(byte)
        is_plain = " " <= ch <= "~" and ch not in '"\\?'
        kept.append(ch if is_plain else "\\n" if ch == "\n" else f"\\{byte:03o}")
    return f'"{"".join(kept)}"'


def floats(values: Iterable[float]) -> str:
    """Constants of float32, with commas between them: C reads the very same numbers.

    Raises ValueError for one that float32 does not hold.
    """
    with np.errstate(over="ignore"):
        words = [f"{np.float32(value):.9g}" for value in values]
    odd = [word for word in words if "n" in word]  # inf, nan
    if odd:
        raise ValueError(f"{odd[0]} is no constant of C")
    return ", ".join(word + ("f" if {".", "e"} & {*word} else ".0f") for word in words)


def braced(head: str, lines: Iterable[str]) -> list[str]:
    """The lines in braces behind a head, set in by two."""
    return [f"{head} {{", *(f"  {line}" for line in lines), "}"]


def function(head: str, lines: Iterable[str]) -> str:
    """Text of a function."""
    return "\n".join(braced(head, lines)) + "\n"


def wrapped(text: str) -> str:
    """The same C text with no line longer than LINE_CHARACTERS where it can be broken."""
    lines: list[str] = []
    for line in text.split("\n"):
        may_break = not line.startswith("#") and '"' not in line
        lines += _break(line) if may_break and len(line) > LINE_CHARACTERS else [line]
    return "\n".join(lines)


def _break(line: str) -> list[str]:
    """One long line as several, the later ones set in by four more."""
    indent = re.match(r" *(/\* )?", line)
    assert indent is not None
    inside = " " * (len(indent[0]) if indent[1] else len(indent[0]) + 4)
    lines: list[str] = []
    while len(line) > LINE_CHARACTERS:
        start = len(inside) if lines else len(indent[0])
        cut = max(line.rfind(mark, start, LINE_CHARACTERS) + len(mark) for mark in (", ", "; "))
        if cut <= start + 20:
            cut = line.rfind(" ", start, LINE_CHARACTERS) + 1
        if cut <= start:
            cut = line.find(" ", LINE_CHARACTERS) + 1
            if not cut:
                break
        lines.append(line[:cut].rstrip())
        line = inside + line[cut:]
    return [*lines, line]
