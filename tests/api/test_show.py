import pytest

import swiftlet
from swiftlet.api.show import list_networks


def test_a_row_and_its_cost() -> None:
    found = swiftlet.show("shufflenetv2_w1")  # an alias
    assert found.spec.name == "shufflenet_v2_x1_0"
    assert (found.cost.params, found.cost.macs) == (found.spec.params, found.spec.macs)
    assert found.options == {}


@pytest.mark.parametrize("name", ["hybridsn", "shufflenet_series", "mobilenet_v2_x0_6"])
def test_the_row_s_own_input(name: str) -> None:
    found = swiftlet.show(name)
    assert found.cost.shape == (1, *found.spec.input.shape)
    assert found.cost.macs == found.spec.macs


def test_another_form() -> None:
    found = swiftlet.show(
        "shufflenet_v2_x0_5", num_classes=10, in_chans=1, small_input=True, image_size=32
    )
    assert found.cost.shape == (1, 1, 32, 32)
    assert found.cost.layers[-1].params == 1024 * 10 + 10
    assert sorted(found.options) == ["image_size", "in_chans", "num_classes", "small_input"]


def test_options_are_json_or_text() -> None:
    found = swiftlet.show(
        "mobilenet_v1_x0_5", option=['attention={"kind": "se", "placement": "everywhere"}']
    )
    assert found.options == {"attention": {"kind": "se", "placement": "everywhere"}}
    found = swiftlet.show("shufflenet_series", option=["stem=full", "kernel=3"])
    assert found.options == {"stem": "full", "kernel": 3}


@pytest.mark.parametrize("sort", ["name", "params", "macs", "error"])
def test_every_order_has_every_row(sort: str) -> None:
    assert {row.name for row in list_networks(sort=sort)} == set(swiftlet.list_models())
