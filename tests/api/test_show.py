import pytest

import martlet
from martlet.api.list import list_networks
from martlet.errors import MartletError


def test_a_row_and_its_cost() -> None:
    found = martlet.show("shufflenetv2_w1")  # an alias
    assert found.spec.name == "shufflenet_v2_x1_0"
    assert (found.cost.params, found.cost.macs) == (found.spec.params, found.spec.macs)
    assert found.options == {}


@pytest.mark.parametrize("name", ["hybridsn", "shufflenet_series", "mobilenet_v2_x0_6"])
def test_the_row_s_own_input(name: str) -> None:
    found = martlet.show(name)
    assert found.cost.shape == (1, *found.spec.input.shape)
    assert found.cost.macs == found.spec.macs


def test_another_form() -> None:
    found = martlet.show(
        "shufflenet_v2_x0_5", num_classes=10, in_chans=1, small_input=True, image_size=32
    )
    assert found.cost.shape == (1, 1, 32, 32)
    assert found.cost.layers[-1].params == 1024 * 10 + 10
    assert sorted(found.options) == ["image_size", "in_chans", "num_classes", "small_input"]


def test_options_are_json_or_text() -> None:
    found = martlet.show(
        "mobilenet_v1_x0_5", option=['attention={"kind": "se", "placement": "everywhere"}']
    )
    assert found.options == {"attention": {"kind": "se", "placement": "everywhere"}}
    found = martlet.show("shufflenet_series", option=["stem=full", "kernel=3"])
    assert found.options == {"stem": "full", "kernel": 3}


@pytest.mark.parametrize("sort", ["name", "params", "macs", "error"])
def test_every_order_has_every_row(sort: str) -> None:
    rows = list_networks(sort=sort)
    assert {row.name for row in rows} == set(martlet.list_models())
    if sort != "error":
        assert rows == sorted(rows, key=lambda row: getattr(row, sort))


def test_a_window_is_the_side_of_the_cube() -> None:
    found = martlet.show("hybridsn", option=["window=11"])
    assert found.cost.shape == (1, 1, 30, 11, 11)
    assert found.cost.macs < found.spec.macs


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("true", "false")])
def test_true_as_python_and_as_json_have_it(yes: str, no: str) -> None:
    found = martlet.show("resnet50", option=[f"stride_first={yes}"])
    assert found.options == {"stride_first": True}
    other = martlet.show("resnet50", option=[f"stride_first={no}"])
    assert other.cost.macs == 4_089_184_256


@pytest.mark.parametrize(
    ("name", "option", "sentence"),
    [
        ("resnet50", "stride_first=no", "^resnet50: stride_first='no' is not accepted; give True,"),
        ("resnet50", "num_classes=x", "num_classes='x' is not accepted; give a whole number"),
        ("resnet50", "name=resnet18", "^option='name=resnet18' is not accepted; name is no option"),
        ("resnet50", "pretrained=true", "pretrained is no option of a network"),
        ("resnet50", "features_only=true", "features_only is no option"),
        ("resnet50", "out_indices=[1]", "out_indices is no option"),
        ("shufflenet_series", "kernel=3.0", "kernel=3.0 is not accepted; give a whole number"),
        ("mobilenet_v3_small", "bn_eps=NaN", "bn_eps=nan is not accepted"),
        ("resnet50", 'attention={"kind":"cbam","placement":["pre"]}', "placement .* is not known"),
    ],
)
def test_options_that_do_not_fit(name: str, option: str, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        martlet.show(name, option=[option])
