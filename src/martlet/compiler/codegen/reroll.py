"""Repeated C text as a loop: shorter to read, and much shorter to compile."""

import re

from martlet.compiler.codegen.c_text import braced

NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
LEAST_REPETITIONS = 3  # repetitions that are worth a loop


def rolled(chunks: list[list[str]], variable: str) -> list[str]:
    """All lines of the chunks; neighbours whose numbers grow evenly become one loop."""
    texts = ["\n".join(chunk) for chunk in chunks]
    lines: list[str] = []
    start = 0
    while start < len(texts):
        count = _alike(texts[start:])
        if count < LEAST_REPETITIONS:
            lines += chunks[start]
            start += 1
            continue
        first, second = texts[start], texts[start + 1]
        body = _with_steps(first, second, variable).split("\n")
        lines += braced(f"for (int {variable} = 0; {variable} < {count}; {variable}++)", body)
        start += count
    return lines


def _alike(texts: list[str]) -> int:
    """How many texts from the first on differ by numbers alone, each time by the same steps."""
    skeleton, values = NUMBER.sub("#", texts[0]), _numbers(texts[0])
    steps: list[int] | None = None
    for count, text in enumerate(texts[1:], start=1):
        found = _numbers(text)
        if NUMBER.sub("#", text) != skeleton:
            return count
        grown = [new - old for old, new in zip(values, found, strict=True)]
        if min(grown, default=0) < 0 or steps not in (None, grown):
            return count
        steps, values = grown, found
    return len(texts)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in NUMBER.findall(text)]


def _with_steps(first: str, second: str, variable: str) -> str:
    """The first text, with what the second one adds to its numbers for each turn."""
    after = iter(_numbers(second))

    def grow(match: re.Match[str]) -> str:
        value = int(match[0])
        step = next(after) - value
        if step == 0:
            return match[0]
        return f"({value} + {variable} * {step})" if value else f"{variable} * {step}"

    return NUMBER.sub(grow, first)
