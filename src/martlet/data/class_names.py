"""Names of classes, as they are compared."""

import unicodedata


def one_form(name: str) -> str:
    """`name` in Unicode's composed form (NFC).

    File systems and editors write "é" as one character or as two (macOS, for one); both are the
    same name to a reader, and have to be one class.
    """
    return unicodedata.normalize("NFC", name)
