"""Tables on standard output: in full width, and with brackets that are brackets."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from martlet.console.printable import printable
from martlet.console.safe_console import SafeConsole


def out() -> Console:
    """Standard output."""
    return SafeConsole(highlight=False, emoji=False, soft_wrap=True)


def show_table(console: Console, table: Table) -> None:
    """Print a table in its full width: a narrow terminal wraps lines, but no figure is cut."""
    needed = table.__rich_measure__(console, console.options.update(max_width=10_000)).maximum
    console.width = max(console.width, needed)
    console.print(table)


def fill(table: Table, *cells: str) -> None:
    """Add a row of one line, whose brackets are brackets: rich takes them for markup otherwise."""
    table.add_row(*(Text(printable(cell)) for cell in cells))


def columns(*names: str, left: int = 1) -> Table:
    """A table without lines; all columns but the first `left` are for numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(names):
        table.add_column(name, justify="left" if number < left else "right", no_wrap=True)
    return table
