from martlet.compiler.codegen.reroll import rolled


def test_even_steps_become_a_loop() -> None:
    chunks = [[f"f(x{4}, w + {8 * i}, {100 + i});", f"g({7});"] for i in range(5)]
    assert rolled(chunks, "k") == [
        "for (int k = 0; k < 5; k++) {",
        "  f(x4, w + k * 8, (100 + k * 1));",
        "  g(7);",
        "}",
    ]


def test_what_does_not_repeat_stays() -> None:
    assert rolled([], "k") == []
    assert rolled([["f(1);"], ["f(2);"]], "k") == ["f(1);", "f(2);"]
    odd = [["f(1);"], ["f(2);"], ["f(4);"], ["g(4);"]]
    assert rolled(odd, "k") == ["f(1);", "f(2);", "f(4);", "g(4);"]
