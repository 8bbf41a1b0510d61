import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.models import spec
from martlet.ops.attention import Attention
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.recipe import Recipe
from martlet.workflows.run_folder import Run
from martlet.workflows.train.first_weights import load_start
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import make_header, make_plan
from martlet.workflows.train.setup import is_small
from martlet.workflows.train.start import Start, network_name, start_of


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
    network = Network("shufflenet_v2_x0_5", 3, 3, small_input=True, options={"conv5": 32})
    start = start_of(TrainOptions(weights=trained.folder))
    with pytest.raises(MartletError, match="of another shape"):
        load_start(start, network.build(), network, ("a", "b", "c"))


@pytest.mark.slow
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


@pytest.mark.slow
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

    def recipe(weights: Path | None) -> Recipe:
        plan = make_plan(tmp_path, TrainOptions(weights=weights, image_size=16))
        return make_header(plan, ["a", "b"], pictures=64, split="").recipe

    fresh, own, others = map(recipe, (None, trained.folder, converted))
    assert (fresh.optimizer, own.optimizer, others.optimizer) == ("muon", "muon", "sgd")
    assert fresh.lr == own.lr == pytest.approx(10 * others.lr)


@pytest.mark.slow
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


@pytest.mark.slow
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
    with pytest.raises(
        MartletError, match=r"other arguments .*: shuffle: even_odd / None; attention: se / cbam;"
    ):
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_options_of_others_types_are_saved_and_repeated(quick: Callable[..., Run]) -> None:
    options = {"attention": Attention("se", reduction=np.int64(8)), "conv5": np.int64(64)}
    run = quick(model_options=options, epochs=1)
    words = shlex.split(run.metrics["command"])
    assert "conv5=64" in words
    assert checkpoint.load_header(run.checkpoint).network.options["conv5"] == 64
    quick(model_options=options, epochs=1, resume=True)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """torchvision's file of a network of three classes."""
    path = tmp_path_factory.mktemp("others") / "net.pth"
    torch.manual_seed(0)
    torch.save(torchvision.models.shufflenet_v2_x0_5(num_classes=3).state_dict(), path)
    return path


def test_pretrained_takes_what_weights_does(trained: Run, others: Path) -> None:
    for file in (trained.folder, trained.checkpoint, others):
        one = start_of(TrainOptions(weights=file))
        for given in (file, str(file)):
            other = start_of(TrainOptions(pretrained=given))
            assert (other.path, other.header) == (one.path, one.header)
    with pytest.raises(MartletError, match="cannot both be set"):
        start_of(TrainOptions(weights=others, pretrained=others))


@pytest.mark.parametrize("word", [True, "true", "True"])
def test_pretrained_alone_is_torchvisions(word: bool | str) -> None:
    assert start_of(TrainOptions(pretrained=word)).pretrained
    assert start_of(TrainOptions(pretrained="false")) == start_of(TrainOptions())


@pytest.mark.parametrize("classes", [1, 5])
def test_gray_pictures_and_other_classes(others: Path, classes: int) -> None:
    start = start_of(TrainOptions(pretrained=others))
    network = Network("shufflenet_v2_x0_5", classes, in_chans=1, small_input=False)
    torch.manual_seed(1)
    model = network.build()
    fresh = model.classifier.weight.clone()
    loaded = load_start(start, model, network, tuple("abcde")[:classes])
    assert "the first filters, for 3 channels, are summed for 1" in loaded.told
    assert "the classifier is new" in loaded.told
    assert torch.equal(model.classifier.weight, fresh)
    assert start.header is not None
    theirs = start.header.network.build()
    load_start(start, theirs, start.header.network, start.header.classes)
    gray = torch.rand(2, 1, 64, 64)
    found = model.eval().forward_features(gray)
    expected = theirs.eval().forward_features(gray.expand(-1, 3, -1, -1))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_colours_for_gray_filters() -> None:
    torch.manual_seed(0)
    network = Network("shufflenet_v2_x0_5", 3, in_chans=1, small_input=True)
    gray = network.build().eval()
    start = Start(Path("x"), Header(network, ("a",), Preprocess(16, channels="L"), None))
    start = replace(start, others=SimpleNamespace(state=gray.state_dict(), told=()))
    colour = replace(network, in_chans=3).build().eval()
    told = load_start(start, colour, replace(network, in_chans=3), ("a", "b", "c")).told
    assert "for 1 channels, are repeated and scaled for 3" in told
    x = torch.rand(2, 1, 16, 16)
    found, expected = colour.forward_features(x.expand(-1, 3, -1, -1)), gray.forward_features(x)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_a_name_of_published_weights(
    served: tuple[Path, str],
    others: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, address = served
    content = others.read_bytes()
    file = f"net-{sha256(content).hexdigest()[:8]}.pth"
    (folder / file).write_bytes(content)
    name = "ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torchvision.models.get_weight(name).value, "url", f"{address}/{file}")
    with pytest.raises(MartletError, match=r"holds shufflenet_v2_x0_5, not resnet18"):
        start_of(TrainOptions(pretrained="shufflenet_v2_x0_5", model="resnet18"))
    assert not (tmp_path / "torch").exists()
    start = start_of(TrainOptions(pretrained="shufflenet_v2_x0_5"))
    assert "licence BSD-3-Clause" in " ".join(capsys.readouterr().err.split())
    assert start.published
    assert network_name(TrainOptions(), start) == "shufflenet_v2_x0_5"
    assert is_small(spec("shufflenet_v2_x0_5"), TrainOptions(image_size=32), start)
    network = Network("shufflenet_v2_x0_5", 3, in_chans=3, small_input=True)
    told = load_start(start, network.build(), network, ("a", "b", "c")).told
    assert "licence BSD-3-Clause" in told
    assert "tensors of torchvision's shufflenet_v2_x0_5" in told


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("nothing", "is no file, no run folder and no name of published weights"),
        ("nothing.pth", r"nothing\.pth does not exist; give a run folder"),
        (Path("nothing"), "nothing does not exist; give a run folder"),
        (".", "holds no model.safetensors"),
    ],
)
def test_weights_that_are_not_there(given: str | Path, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        start_of(TrainOptions(pretrained=given))
    with pytest.raises(MartletError, match=r"pretrained=3 is not accepted; give True, False, text"):
        TrainOptions(pretrained=3)  # type: ignore[arg-type]


def test_others_weights_of_another_network(others: Path) -> None:
    options = TrainOptions(pretrained=others, model="shufflenet_v2_x1_0")
    with pytest.raises(MartletError, match="holds shufflenet_v2_x0_5, not shufflenet_v2_x1_0"):
        start_of(options)


def test_pretrained_on_the_command_line_and_in_a_recipe(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path, photos: Path, trained: Run
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(f"pretrained = {str(trained.folder)!r}\n")
    common = ("train", photos, "--folder", tmp_path, "--model", "shufflenet_v1_g1_x1_0")
    other = "holds shufflenet_v2_x0_5, not shufflenet_v1_g1_x1_0"
    none = "pretrained=True: shufflenet_v1_g1_x1_0 has no known weights"
    for given, sentence in (
        (("--pretrained", trained.folder), f"pretrained={trained.folder} {other}"),
        (("--recipe", recipe), f"pretrained={trained.folder} {other}"),
        (("--weights", trained.folder), f"weights={trained.folder} {other}"),
        (("--pretrained",), none),
        (("--pretrained", "true"), none),
    ):
        code, _, err = call(*common, *given)
        assert code == 2
        assert sentence in " ".join(err.split())


@pytest.mark.parametrize("options", [{"freeze": 2}, {"head_epochs": 1}, {"norm": "frozen"}])
def test_fresh_weights_are_not_kept(quick: Callable[..., Run], options: dict[str, Any]) -> None:
    with pytest.raises(MartletError, match=r"have learnt something, and these are fresh; give pre"):
        quick(**options)


@pytest.mark.slow
def test_frozen_stages_of_a_run(
    trained: Run, quick: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"pretrained": trained.folder, "epochs": 1, "freeze": 3, "norm": "recalibrated"}
    run = quick(**options, quiet=False)
    assert re.search(r"frozen: [\d,]+ params of [\d,]+", " ".join(capsys.readouterr().err.split()))
    before, after = (checkpoint.load(one.checkpoint)[0] for one in (trained, run))
    for name, tensor in after.items():
        frozen = name.startswith(("conv1.", "stage2.", "stage3."))
        assert torch.equal(tensor, before[name]) == frozen, name
    quick(**options, resume=True)
    with pytest.raises(MartletError, match="freeze: 3 / none"):
        quick(**{**options, "freeze": "none"}, resume=True)
