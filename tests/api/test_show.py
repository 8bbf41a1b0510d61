from pathlib import Path
from typing import Any

import pytest

import martlet
from martlet.api.list import list_networks
from martlet.console import network_tables
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.named_values import assignments
from martlet.training import checkpoint
from martlet.training.checkpoint import Network
from martlet.workflows.run_folder import Run


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
        "mobilenet_v1_x0_5",
        model_options={"attention": {"kind": "se", "placement": "everywhere"}},
    )
    assert found.options == {"attention": {"kind": "se", "placement": "everywhere"}}
    found = martlet.show("shufflenet_series", model_options={"stem": "full", "kernel": 3})
    assert found.options == {"stem": "full", "kernel": 3}


@pytest.mark.parametrize("sort", ["name", "params", "macs", "error"])
def test_every_order_has_every_row(sort: str) -> None:
    rows = list_networks(sort=sort)
    assert {row.name for row in rows} == set(martlet.list_models())
    if sort != "error":
        assert rows == sorted(rows, key=lambda row: getattr(row, sort))


def test_a_window_is_the_side_of_the_cube() -> None:
    found = martlet.show("hybridsn", model_options={"window": 11})
    assert found.cost.shape == (1, 1, 30, 11, 11)
    assert found.cost.macs < found.spec.macs


def test_the_network_of_a_run(trained: Run, tmp_path: Path) -> None:
    found = martlet.show(str(trained.folder))
    assert found.spec.name == "shufflenet_v2_x0_5"
    assert found.options == {"num_classes": 3, "small_input": True, "image_size": 16}
    assert found.classes == ("blue", "green", "red")
    assert found.cost.shape == (1, 3, 16, 16)
    assert martlet.show(str(trained.checkpoint)) == found
    with pytest.raises(MartletError, match=r"num_classes, image_size is not accepted for .*as it"):
        martlet.show(str(trained.folder), num_classes=4, image_size=32)
    with pytest.raises(MartletError, match=r"nowhere.* does not exist; give a run folder"):
        martlet.show(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("network", "preprocess", "own"),
    [
        (
            Network("shufflenet_v2_x0_5", 2, 5, True),
            ScenePreprocess(window=9, components=5, planes=True),
            {"num_classes": 2, "in_chans": 5, "small_input": True, "window": 9},
        ),
        (
            Network("hybridsn_salinas", 2, 13, False, {"window": 9}),
            ScenePreprocess(window=9, components=13),
            {"num_classes": 2, "in_chans": 13, "window": 9},
        ),
        (
            Network("shufflenet_series_x0_5", 2, 3, False),
            SeriesPreprocess(
                channels=tuple("xyz"), window=64, stride=32, mean=(0.0,) * 3, std=(1.0,) * 3
            ),
            {"num_classes": 2, "in_chans": 3, "window": 64},
        ),
    ],
)
def test_the_size_of_a_run_s_input_is_said_as_its_data_have_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    network: Network,
    preprocess: Any,
    own: dict[str, Any],
) -> None:
    header = checkpoint.Header(network, ("a", "b"), preprocess, None, origin="a test")
    checkpoint.save(tmp_path / "model.safetensors", network.build().state_dict(), header)
    found = martlet.show(str(tmp_path))
    assert found.options == own
    network_tables.shown(found)
    said = capsys.readouterr().out
    assert " MB moved per window" in said
    shape = "×".join(map(str, preprocess.shape))
    assert f"\ninput: {preprocess.kind} of {shape}\n" in said


@pytest.mark.parametrize(
    ("name", "option", "sentence"),
    [
        (
            "resnet50",
            "strid_first=True",
            "^resnet50 has no option 'strid_first'; did you mean",
        ),
        ("resnet50", "attention=see", "attention 'see' is not known; did you mean se"),
        ("resnet50", "stride_first=no", "^resnet50: stride_first='no' is not accepted; give True,"),
        ("resnet50", "num_classes=x", "num_classes='x' is not accepted; give a whole number"),
        ("resnet50", "name=resnet18", "^model_options: name is no option"),
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
        martlet.show(name, model_options=assignments([option], "model_options"))
