from unicodedata import normalize

import pytest

from martlet.data.class_names import one_form


@pytest.mark.parametrize("name", ["Übung", "café", "모자", "caf\udce9", "cat"])
def test_both_spellings_are_one_name(name: str) -> None:
    assert one_form(normalize("NFD", name)) == one_form(normalize("NFC", name)) == name
