from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.schedule import Schedule


def test_every_name_is_given_once() -> None:
    writer = Writer(Schedule(), taken=["net_run"])
    assert writer.name("node_add") == "node_add"
    assert writer.table("node_add", [1, 2]) == "node_add_2"
    assert writer.layers == ["static const int32_t node_add_2[2] = {\n    1, 2,\n};\n"]
    assert writer.name("node_add_2") == "node_add_2_2"
    assert writer.name("net_run") == "net_run_2"


def test_functions_that_are_the_same_are_written_once() -> None:
    writer = Writer(Schedule())
    text = "static int f(void) { return {0}; } /* f_2 is another */"
    first, second = (text.replace("{0}", number) for number in "12")
    assert writer.name("f_2") == "f_2"
    assert [writer.kernel("f", t) for t in (first, second, first, second)] == ["f", "f_3"] * 2
    assert writer.kernels == {"f": first, "f_3": second.replace("int f(", "int f_3(")}
    assert writer.table("f", []) == "f_4"
