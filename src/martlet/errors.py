"""The one exception that martlet raises on purpose, and the sentence for a mistyped name."""

from collections.abc import Sequence
from difflib import get_close_matches


class MartletError(ValueError):
    """A mistake in the input or its surroundings, said in one sentence.

    The sentence names the argument, the value it had and what is accepted. The command line
    prints it without a traceback.
    """


def unknown(kind: str, value: object, accepted: Sequence[str]) -> MartletError:
    """The error for a name that is not in `accepted`, with those it begins, or the closest ones.

    The former are named in the order of `accepted`.
    """
    value = str(value)
    longer = [name for name in accepted if value and name.startswith(f"{value.lower()}_")]
    close = longer[:3] or get_close_matches(value.lower(), accepted, n=3, cutoff=0.5)
    if close:
        return MartletError(f"{kind} {value!r} is not known; did you mean {', '.join(close)}?")
    shown = ", ".join(accepted[:8]) + (", …" if len(accepted) > 8 else "")
    return MartletError(f"{kind} {value!r} is not known; accepted: {shown}.")


def quoted(name: str, most: int = 200) -> str:
    """Another's name within a sentence, in quotes; of a longer one the beginning."""
    return repr(name if len(name) <= most else f"{name[:most]}…")


def shortened(text: str, most: int) -> str:
    """Another program's words within a sentence: one line, no full stop, up to `most` characters.

    What is longer ends behind a whole word, if there is one, and with "…".
    """
    line = " ".join(text.split()).rstrip(".")
    if len(line) <= most:
        return line
    head = line[: most - 1]
    return f"{head.rpartition(' ')[0] or head} …"
