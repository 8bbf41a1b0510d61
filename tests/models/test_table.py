"""The table of networks and `create_model`."""

from typing import Any

import pytest
import torch
from torch import nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import Attention, create_model, list_models, spec
from martlet.models.table import FILES
from martlet.ops.attention import AttentionOption

EVERYWHERE = {"placement": "everywhere"}


def test_every_network_of_the_papers_is_there() -> None:
    names = list_models()
    assert names == sorted(set(names))
    widths, groups = ("x0_25", "x0_5", "x1_0", "x1_5", "x2_0"), (1, 2, 3, 4, 8)
    assert list_models("shufflenet_v1_g*") == sorted(
        f"shufflenet_v1_g{group}_{width}" for group in groups for width in widths
    )
    assert list_models("shufflenet_v2_x*") == [
        f"shufflenet_v2_{width}" for width in ("x0_5", "x1_0", "x1_5", "x2_0")
    ]
    assert "mobilenet_v2_x1_0" in list_models("mobilenet*")
    assert list_models("no such network") == []


def test_no_two_networks_share_a_name_or_alias() -> None:
    rows = [spec(name) for name in list_models()]
    names = [name for row in rows for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))


def test_files_are_listed_once_and_sorted() -> None:
    assert list(FILES) == sorted(set(FILES))


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("mobilenet_v2", "mobilenet_v2_x1_0"),
        ("mobilenetv2_050", "mobilenet_v2_x0_5"),
        ("shufflenet_g3_wd2", "shufflenet_v1_g3_x0_5"),
        ("shufflenetv2_w1", "shufflenet_v2_x1_0"),
    ],
)
def test_names_of_other_libraries(alias: str, name: str) -> None:
    assert spec(alias) is spec(name)
    assert alias not in list_models()
    with torch.device("meta"):
        assert type(create_model(alias)) is type(create_model(name))


@pytest.mark.parametrize(
    "name",
    [
        *("shufflenet_v2_x1", "ShuffleNet_V2_x1_0"),
        *("mobilenet_v1_x0_0", "mobilenet_v1_x4_1", "mobilenet_v1_1_0", "mobilenet_v2_x9_9"),
        *("mobilenet_v3_x0_5", "mobilenet_v3_large_x9_9", "mobilenet_v3_small_paper_x0_5"),
        *("shufflenet_v1_g5_x1_0", "shufflenet_v1_g3_x9_0"),
    ],
)
def test_unknown_name_gets_the_closest_ones(name: str) -> None:
    with pytest.raises(MartletError, match=rf"model '{name}' is not known; did you mean .*net_v"):
        spec(name)
    with pytest.raises(MartletError, match="did you mean"):
        create_model(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("shufflenet_v1_g3", "shufflenet_v1_g3_x1_0"),
        ("shufflenet_v2_authors", "shufflenet_v2_authors_x1_0"),
        ("mobilenet_v1_relu6", "mobilenet_v1_relu6_x1_0"),
    ],
)
def test_a_name_without_its_width_gets_the_usual_one_first(name: str, meant: str) -> None:
    with pytest.raises(MartletError, match=rf"model '{name}' is not known; did you mean {meant}\b"):
        spec(name)


@pytest.mark.parametrize(
    "options",
    [
        {"num_classes": 10**9},
        {"in_chans": 2**40},
        {"conv5": 2**62},
        {"attention": {"kind": "cbam", "kernel": 2**31 + 1}},
    ],
)
def test_a_network_larger_than_memory_is_one_sentence(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("martlet.memory.available_bytes", lambda: 10**9)
    with pytest.raises(
        MartletError, match=rf"(cannot be as large as )?.*{next(iter(options))}=.* (needs|make it)"
    ):
        create_model("shufflenet_v2_x0_5", **options)


def test_hopeless_name_gets_examples() -> None:
    with pytest.raises(MartletError, match=r"model '' is not known; accepted: .*…"):
        spec("")


@pytest.mark.parametrize(
    ("option", "value"),
    [("num_classes", -1), ("in_chans", 0), ("drop_rate", 1.0), ("drop_rate", -0.1)],
)
def test_value_out_of_range(option: str, value: float) -> None:
    with pytest.raises(MartletError, match=f"{option}={value} is"):
        create_model("shufflenet_v2_x0_5", **{option: value})  # type: ignore[arg-type]


def test_channels_and_dropout_reach_the_network() -> None:
    model = create_model("shufflenet_v2_x0_5", in_chans=1, num_classes=7, drop_rate=0.3)
    assert model(torch.randn(2, 1, 64, 64)).shape == (2, 7)
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.3]


def test_one_seed_gives_one_network() -> None:
    torch.manual_seed(5)
    first = create_model("mobilenet_v2_x0_35", num_classes=3).state_dict()
    torch.manual_seed(5)
    second = create_model("mobilenet_v2_x0_35", num_classes=3).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    ("longer", "name"),
    [("mobilenet_v2_x1_00", "mobilenet_v2_x1_0"), ("mobilenet_v2_x0_60", "mobilenet_v2_x0_6")],
)
def test_a_width_has_one_name(longer: str, name: str) -> None:
    assert spec(longer) == spec(name)
    assert spec(longer).name == name


@pytest.mark.parametrize(
    "name",
    ["mobilenet_v1_x0_6", "mobilenet_v2_x0_6", "mobilenet_v3_large_x0_6", "shufflenet_v1_g3_x0_6"],
)
def test_a_row_of_another_width_states_its_cost(name: str) -> None:
    row = spec(name)
    with torch.device("meta"):
        found = cost(create_model(name), (1, 3, 224, 224))
    assert (row.params, row.macs) == (found.params, found.macs)


@pytest.mark.parametrize(
    ("row", "base", "attention"),
    [
        ("cbam_resnet18", "resnet18", "cbam"),
        ("cbam_resnet18", "se_resnet18", Attention("cbam")),
        ("cbam_resnet50", "resnet50", {"kind": "cbam"}),
        ("cbam_resnext50_32x4d", "resnext50_32x4d", "cbam"),
        ("se_mobilenet_v1_x1_0", "mobilenet_v1_x1_0", "se"),
        ("se_mobilenet_v1_everywhere_x0_7", "mobilenet_v1_x0_7", EVERYWHERE | {"kind": "se"}),
        ("cbam_mobilenet_v1_x1_0", "mobilenet_v1_x1_0", EVERYWHERE | {"kind": "cbam"}),
        ("se_shufflenet_v1_g3_x1_0", "shufflenet_v1_g3_x1_0", "se"),
    ],
)
def test_attention_by_option_is_the_network_of_the_row(
    row: str, base: str, attention: AttentionOption
) -> None:
    with torch.device("meta"):
        networks = create_model(row), create_model(base, attention=attention)
    expected, found = ({k: t.shape for k, t in n.state_dict().items()} for n in networks)
    assert found == expected


@pytest.mark.parametrize(
    ("name", "placement"),
    [
        ("mobilenet_v1_x0_5", "before"),
        ("mobilenet_v2_x0_5", "everywhere"),
        ("mobilenet_v3_small_x0_5", "everywhere"),
        ("resnet18", "everywhere"),
        ("shufflenet_v1_g3_x0_5", "post"),
        ("shufflenet_v2_x0_5", "post"),
    ],
)
def test_without_attention_nothing_of_it_is_left(name: str, placement: str) -> None:
    """But in MobileNetV3, which has its own; and none where a network has no place for it."""
    with torch.device("meta"):
        plain, gated = create_model(name), create_model(name, attention="se")
    if not name.startswith("mobilenet_v3"):
        assert not any("attention" in key for key, _ in plain.named_modules())
    assert plain.state_dict().keys() < gated.state_dict().keys()
    with pytest.raises(MartletError, match=f"placement '{placement}' is not known"):
        create_model(name, attention={"kind": "se", "placement": placement})


def test_dropout_is_that_of_the_row_or_none() -> None:
    rates = {name: spec(name).drop_rate for name in list_models() if spec(name).drop_rate > 0}
    hybridsn = dict.fromkeys(list_models("hybridsn*"), 0.4)
    assert rates == {"senet154": 0.2, "shufflenet_v2_authors_x2_0": 0.2, **hybridsn}
    for name, channels in (("mobilenet_v1_x0_25", 256), ("shufflenet_v2_x2_0", 2048)):
        model = create_model(name, num_classes=0)
        head = model.forward_head(torch.ones(2, channels, 2, 2))
        assert torch.equal(head, torch.ones(2, channels))
