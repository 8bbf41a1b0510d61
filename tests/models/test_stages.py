import pytest
import torch

from martlet.models import create_model, list_models
from martlet.models.stages import HEAD, stages


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shufflenet_v2_x0_5", "stem stage2 stage3 stage4 neck"),
        ("mobilenet_v3_small", "stem stage1 stage2 stage3 stage4 neck"),
        ("senet154", "stem layer1 layer2 layer3 layer4"),
        ("hybridsn", "stem conv2 conv3 conv4 fc1 fc2"),
        ("shufflenet_series", "stem units.1 units.2 units.3"),
    ],
)
def test_names(name: str, expected: str) -> None:
    with torch.device("meta"):
        assert [stage.name for stage in stages(create_model(name))] == expected.split()


def test_a_stage_ends_where_maps_shrink() -> None:
    with torch.device("meta"):
        found = stages(create_model("mobilenet_v2"))
    assert [len(stage.modules) for stage in found] == [1, 1, 2, 3, 7, 4, 1]


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_every_parameter_is_in_one_stage(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name)
    found = [
        f"{module}.{parameter}"
        for stage in stages(model)
        for module in stage.modules
        for parameter, _ in model.get_submodule(module).named_parameters()
    ]
    others = [key for key, _ in model.named_parameters() if not key.startswith(HEAD)]
    assert sorted(found) == sorted(others)
