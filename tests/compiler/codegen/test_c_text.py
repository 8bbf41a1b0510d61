from martlet.compiler.codegen.c_text import LINE_CHARACTERS, comment, plain, string, wrapped


def test_text_cannot_leave_its_comment_or_string() -> None:
    assert comment("a */ b /* c\nd é ×") == "/* a * / b / * c?d ? x */"
    assert string('a"b\\c?\n\x01é') == r'"a\"b\\c\077\n\001\303\251"'.replace(
        r"\"", r"\042"
    ).replace(r"\\", r"\134")
    assert plain("1×1 → 2\t") == "1x1 -> 2?"


def test_long_lines_are_wrapped_and_say_the_same() -> None:
    line = "  call(" + ", ".join(f"argument{i}" for i in range(30)) + ");"
    lines = wrapped(line).split("\n")
    assert max(map(len, lines)) <= LINE_CHARACTERS
    assert all(text.startswith("      ") for text in lines[1:])
    assert " ".join(text.strip() for text in lines) == line.strip()
    word = "x" * 150
    assert wrapped(word) == word
    assert wrapped(f'  puts("{word}");') == f'  puts("{word}");'
