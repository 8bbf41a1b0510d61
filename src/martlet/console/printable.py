"""Text that a terminal shows as it is: nothing in it moves the cursor, colours or fails to print.

Names of files, classes and layers are others' text. A name may hold escape sequences, which a
terminal obeys, or bytes that are no UTF-8, which it cannot be sent. All that is printed goes
through here: tables and progress by way of `SafeConsole`, a line of plain text by `printable`.
"""

import re
import sys
from io import TextIOWrapper

from martlet.report.harmful import HARMFUL

_IN_LINES = re.compile(f"[{HARMFUL}\r]")  # the cursor would go back, and over what is written
_IN_A_LINE = re.compile(f"[{HARMFUL}\r\t\n]")
_SHORT = {9: "\\t", 10: "\\n", 13: "\\r"}


def printable(text: str) -> str:
    r"""One line of `text`; what a terminal would obey, or cannot show, is spelt as in `\x1b`."""
    return _IN_A_LINE.sub(_spelt, text)


def printable_lines(text: str) -> str:
    """As `printable`, but line breaks and tabs remain."""
    return _IN_LINES.sub(_spelt, text)


def print_what_can_be() -> None:
    """A character that standard output's encoding lacks is spelt, instead of an error."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _spelt(found: "re.Match[str]") -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:  # how Python keeps a byte of a name that is not UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return _SHORT.get(number, f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")
