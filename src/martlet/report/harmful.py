"""The characters that neither a terminal nor a page is sent: one list for both."""

# Controls of ASCII and Latin-1 but tab, line feed and carriage return; Unicode's line separators
# and its signs for the direction of writing; half characters. To stand in a class of a pattern.
HARMFUL = (
    "\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
)
