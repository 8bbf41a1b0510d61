from martlet.errors import shortened


def test_words_of_another_program_end_behind_a_whole_one() -> None:
    assert shortened("All is well.", 20) == "All is well"
    assert shortened("one\n  two ", 20) == "one two"
    assert shortened("the shapes (1, 2) and (3, 4) differ", 24) == "the shapes (1, 2) and …"
    assert shortened("x" * 30, 10) == "x" * 9 + " …"
