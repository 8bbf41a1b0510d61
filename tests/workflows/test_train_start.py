import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from martlet.errors import MartletError
from martlet.ops.attention import Attention
from martlet.training import checkpoint
from martlet.training.checkpoint import Network
from martlet.workflows.run_folder import Run
from martlet.workflows.train_options import TrainOptions
from martlet.workflows.train_start import load_start, network_name, start_of


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (("blue", "green", "red"), "with its classifier: the classes are the same"),
        (("cat", "dog", "owl"), "the classifier is new, since that of the weights knows blue, gre"),
        (("red", "green", "blue"), "the classifier is new"),
        (("a", "b", "c", "d", "e"), "the classifier is new"),
    ],
)
def test_the_classifier_is_kept_for_classes_of_the_same_names(
    trained: Run, classes: tuple[str, ...], sentence: str
) -> None:
    torch.manual_seed(1)
    network = Network("shufflenet_v2_x0_5", len(classes), in_chans=3, small_input=True)
    model = network.build()
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    loaded = load_start(start_of(TrainOptions(weights=trained.folder)), model, network, classes)
    assert sentence in loaded.told
    given, header = checkpoint.load(trained.checkpoint)
    for name, tensor in model.state_dict().items():
        kept = classes == header.classes or not name.startswith("classifier.")
        assert torch.equal(tensor, given[name] if kept else fresh[name]), name


def test_weights_of_another_network_are_refused(trained: Run) -> None:
    other = TrainOptions(model="shufflenet_v2_x1_0", weights=trained.folder)
    with pytest.raises(MartletError, match=r"holds shufflenet_v2_x0_5, not shufflenet_v2_x1_0"):
        network_name(other, start_of(other))
    network = Network("shufflenet_v2_x0_5", num_classes=3, in_chans=1, small_input=True)
    start = start_of(TrainOptions(weights=trained.folder))
    with pytest.raises(MartletError, match="of another shape"):
        load_start(start, network.build(), network, ("a", "b", "c"))


def test_weights_say_which_network_and_form(
    trained: Run, quick: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    tensors, first = checkpoint.load(trained.checkpoint)
    run = quick(
        weights=trained.folder, model=None, image_size=72, epochs=1, quiet=False, batch_size=4
    )
    header = checkpoint.load_header(run.checkpoint)
    assert header.network == replace(first.network, small_input=True)
    assert header.recipe.lr == pytest.approx(0.1 * 4 / 64)
    said = " ".join(capsys.readouterr().err.split())
    assert "shufflenet_v2_x0_5, form for small pictures: " in said
    assert f"weights: {len(tensors)} tensors of {trained.checkpoint}, with its classifier" in said


def test_a_run_goes_on_with_the_weights_that_it_began_with(
    trained: Run, quick: Callable[..., Run], tmp_path: Path
) -> None:
    quick(weights=trained.folder, epochs=1)
    quick(weights=trained.folder, epochs=1, resume=True)
    tensors, header = checkpoint.load(trained.checkpoint)
    other = tmp_path / "other.safetensors"
    checkpoint.save(other, {name: tensor + 1 for name, tensor in tensors.items()}, header)
    for weights in (other, None):
        with pytest.raises(MartletError, match=r"started with other arguments .*(weights|lr): "):
            quick(weights=weights, epochs=1, resume=True)


def test_others_weights_get_a_lower_rate(trained: Run, tmp_path: Path) -> None:
    tensors, header = checkpoint.load(trained.checkpoint)
    converted = tmp_path / "converted.safetensors"
    checkpoint.save(converted, tensors, replace(header, trained=None))
    assert not start_of(TrainOptions(weights=trained.folder)).published
    assert not start_of(TrainOptions()).published
    assert start_of(TrainOptions(weights=converted)).published
    assert start_of(TrainOptions(pretrained=True)).published


def test_a_run_of_an_earlier_version_goes_on(trained: Run, quick: Callable[..., Run]) -> None:
    """Its checkpoint does not say what the first weights were."""
    run = quick(weights=trained.folder, epochs=1)
    path = run.folder / "resume.safetensors"
    tensors, header = checkpoint.load(path)
    checkpoint.save(path, tensors, replace(header, start=""))
    quick(weights=trained.folder, epochs=1, resume=True)


def test_the_classifier_is_kept_for_names_of_another_form(trained: Run, tmp_path: Path) -> None:
    tensors, header = checkpoint.load(trained.checkpoint)
    named = replace(header, classes=("a", "b", "cafe\u0301"))
    checkpoint.save(tmp_path / "m.safetensors", tensors, named)
    network = Network("shufflenet_v2_x0_5", 3, in_chans=3, small_input=True)
    start = start_of(TrainOptions(weights=tmp_path / "m.safetensors"))
    loaded = load_start(start, network.build(), network, ("a", "b", "caf\u00e9"))
    assert "with its classifier" in loaded.told


def test_options_of_the_network(
    quick: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    run = quick(attention="se", model_options={"shuffle": "even_odd"}, epochs=1, quiet=False)
    tensors, header = checkpoint.load(run.checkpoint)
    assert header.network.options == {"attention": "se", "shuffle": "even_odd"}
    assert any("attention" in name for name in tensors)
    assert "attention se, shuffle even_odd" in " ".join(capsys.readouterr().err.split())
    words = shlex.split(run.metrics["command"])
    assert words[words.index("--attention") + 1] == "se"
    assert words[words.index("--model-options") + 1] == "shuffle=even_odd"
    quick(attention="se", model_options={"shuffle": "even_odd"}, epochs=1, resume=True)
    with pytest.raises(MartletError, match=r"started with other arguments .*network"):
        quick(attention="cbam", epochs=1, resume=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"attention": "see"}, "attention 'see' is not known; did you mean se"),
        ({"model_options": {"shufle": 1}}, "has no option 'shufle'; did you mean shuffle"),
        (
            {"model_options": {"shuffle": "odd"}},
            "shuffle 'odd' is not known; did you mean even_odd",
        ),
        ({"model_options": {"num_classes": 3}}, "num_classes is not accepted; the data decides"),
        ({"model_options": {"conv5": 2**62}}, "cannot be as large as"),
        ({"model_options": 3}, "model_options=3 is not accepted; give a mapping"),
    ],
)
def test_options_that_the_network_does_not_have(
    quick: Callable[..., Run], tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        quick(**options)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_options_beside_weights(trained: Run, quick: Callable[..., Run]) -> None:
    run = quick(weights=trained.folder, attention="se", epochs=1)
    header = checkpoint.load_header(run.checkpoint)
    assert header.network.options == {"attention": "se"}
    again = quick(weights=run.folder, name="again", epochs=1)
    assert checkpoint.load_header(again.checkpoint).network.options == {"attention": "se"}
    with pytest.raises(MartletError, match=r"shuffle='even_odd' is not what .* was trained with"):
        quick(weights=trained.folder, model_options={"shuffle": "even_odd"}, name="other")


def test_options_on_the_command_line_and_in_a_recipe(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path, photos: Path
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text("[model_options]\nconv5 = 64\n")
    common = ("train", photos, "--folder", tmp_path, "--epochs", 1, "--image-size", 16)
    common = (*common, "--workers", 0, "--model", "shufflenet_v2_x0_5", "--batch-size", 8)
    flags = (
        "--attention",
        "se",
        "--model-options",
        "conv5=32",
        "--model-options",
        "ceil_pool=1==1",
    )
    code, _, err = call(*common, *flags)
    assert code == 2
    assert "ceil_pool='1==1' is not accepted; give True or False" in err
    for name, given, options in (
        ("a", flags[:4], {"attention": "se", "conv5": 32}),
        ("b", ("--recipe", recipe), {"conv5": 64}),
    ):
        code, _, err = call(*common, "--name", name, "--quiet", *given)
        assert code == 0, err
        assert checkpoint.load_header(tmp_path / name / "model.safetensors").network.options == (
            options
        )


def test_options_of_others_types_are_saved_and_repeated(quick: Callable[..., Run]) -> None:
    options = {"attention": Attention("se", reduction=np.int64(8)), "conv5": np.int64(64)}
    run = quick(model_options=options, epochs=1)
    words = shlex.split(run.metrics["command"])
    assert "conv5=64" in words
    assert checkpoint.load_header(run.checkpoint).network.options["conv5"] == 64
    quick(model_options=options, epochs=1, resume=True)
