from io import StringIO

import pytest
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from martlet.console.safe_console import SafeConsole

HOSTILE = "a\x1b]0;x\x07b\udce9"


@pytest.fixture
def console() -> SafeConsole:
    return SafeConsole(file=StringIO(), width=60, force_terminal=True, color_system="standard")


def written(console: SafeConsole) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_no_way_of_printing_lets_an_escape_through(console: SafeConsole) -> None:
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(Text(HOSTILE))
    console.print(table)
    console.print(HOSTILE, markup=False)
    with Progress(console=console) as progress:
        progress.add_task(HOSTILE)
    text = written(console)
    assert text.count("\\x1b]0") >= 5
    assert "\x1b]" not in text
    assert "\x07" not in text
    assert text.encode()


def test_richs_own_colours_and_lines_remain(console: SafeConsole) -> None:
    console.print("bold\nlines", style="bold")
    assert written(console) == "\x1b[1mbold\x1b[0m\n\x1b[1mlines\x1b[0m\n"
