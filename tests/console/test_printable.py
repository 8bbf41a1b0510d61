import sys
from io import BytesIO, TextIOWrapper

import pytest

from martlet.console.printable import print_what_can_be, printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Übung 모자 🐦 a\\b [x]", "Übung 모자 🐦 a\\b [x]"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("a\nerror: b\r\tc", "a\\nerror: b\\r\\tc"),
        ("\x9b2J\x7f\0", "\\x9b2J\\x7f\\x00"),
        ("caf\udce9.jpg \ud83d", "caf\\xe9.jpg \\ud83d"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
    ],
)
def test_a_terminal_gets_nothing_that_it_obeys(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
    assert shown.encode()


def test_lines_remain_lines() -> None:
    assert printable_lines("epoch\n\t1\x1b") == "epoch\n\t1\\x1b"


def test_what_the_encoding_lacks_is_spelt(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(raw, "ascii"))
    print_what_can_be()
    print("Übung", flush=True)
    assert raw.getvalue().decode().strip() == "\\xdcbung"
