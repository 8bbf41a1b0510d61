"""Flags whose value may be left out: `--pretrained`, or `--pretrained resnet18`.

The library of the command line has flags with a value, and flags without one. Here one that stands
alone gets the value "true" before it looks at them.
"""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from martlet.workflows.run_folder import holds_model


def flags_of(verb: Callable[..., Any]) -> list[str]:
    """The flags of a verb that take True or False, or a text."""
    parameters = inspect.signature(verb).parameters.values()
    return [
        f"--{parameter.name.replace('_', '-')}"
        for parameter in parameters
        if {bool, str} <= set(get_args(get_args(parameter.annotation)[0]))
    ]


def with_values(words: Sequence[str], flags: Sequence[str]) -> list[str]:
    """The words of a command line, in which no flag of `flags` stands without a value."""
    made = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else "-"
        if word in flags and (following.startswith("-") or _is_data(following, words)):
            word = f"{word}=true"
        elif (flag := f"--{word.removeprefix('--no-')}") in flags and word != flag:
            word = f"{flag}=false"
        made.append(word)
    return made


def _is_data(word: str, words: Sequence[str]) -> bool:
    """Whether a word behind such a flag is the data of the verb: a folder, and the only path."""
    paths = [other for other in words if not other.startswith("-") and Path(other).exists()]
    return paths == [word] and Path(word).is_dir() and not holds_model(Path(word))
