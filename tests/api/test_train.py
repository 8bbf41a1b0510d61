import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch

from martlet.api.train import train
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Network
from martlet.workflows.run_folder import Run
from martlet.workflows.train import plan as train_plan
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train.options import TrainOptions

FILES = {
    "model.safetensors",
    "resume.safetensors",
    "metrics.csv",
    "split.json",
    "curves.png",
    "confusion.png",
    "predictions.png",
    "report.html",
}


def test_a_run_leaves_its_files_and_nothing_half_written(trained: Run) -> None:
    found = {path.name for path in trained.folder.iterdir()}
    events = {name for name in found if name.startswith("events.out.tfevents.")}
    assert found - events == FILES
    assert len(events) == 1
    page = (trained.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3


def test_colours_are_learnt(trained: Run) -> None:
    assert trained.metrics["part"] == "test"
    assert trained.metrics["top1"] >= 0.8
    assert trained.metrics["command"].startswith("martlet train ")
    assert trained.checkpoint == trained.folder / "model.safetensors"


def test_the_checkpoint_is_of_the_best_epoch_in_metrics_csv(trained: Run) -> None:
    _, header = checkpoint.load(trained.checkpoint)
    assert header.classes == ("blue", "green", "red")
    rows = list(csv.DictReader((trained.folder / "metrics.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == [str(epoch + 1) for epoch in range(12)]
    assert {"train_loss", "train_top1", "val_loss", "val_top1", "lr", "seconds"} <= rows[0].keys()
    best = max(rows, key=lambda row: (float(row["val_top1"]), -float(row["val_loss"])))
    assert header.metrics["best_epoch"] == int(best["epoch"])


def test_split_json_names_every_picture_once(trained: Run, photos: Path) -> None:
    split = json.loads((trained.folder / "split.json").read_text())
    names = [row[0] for part in ("train", "val", "test") for row in split[part]]
    assert sorted(names) == sorted(str(p.relative_to(photos)) for p in photos.rglob("*.png"))


def test_one_seed_gives_identical_weights_whatever_the_workers(
    quick: Callable[..., Run], same_weights: Callable[[Path, Path], bool]
) -> None:
    options = {"trivial_augment": True, "erase": 0.3, "drop_rate": 0.2, "ema": 0.9}
    alone = quick(name="alone", workers=0, **options)
    before = set(active_children())
    helped = quick(name="helped", workers=2, **options)
    other = quick(name="other", workers=0, seed=1, **options)
    assert same_weights(alone.folder, helped.folder)
    assert set(active_children()) <= before  # or Python would wait for them at its end
    assert not same_weights(alone.folder, other.folder)


def test_an_existing_run_is_not_touched_without_being_told(quick: Callable[..., Run]) -> None:
    run = quick(epochs=1)
    before = {p.name: p.read_bytes() for p in run.folder.iterdir()}
    with pytest.raises(MartletError, match=r"exists already; use --resume .* --overwrite"):
        quick(epochs=1)
    assert {p.name: p.read_bytes() for p in run.folder.iterdir()} == before


def test_overwrite_leaves_a_folder_alone_that_is_no_run(
    quick: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(MartletError, match="holds no run of martlet"):
        quick(overwrite=True)


def test_a_mistake_in_the_data_loses_no_earlier_run(
    quick: Callable[..., Run], tmp_path: Path
) -> None:
    run = quick(epochs=1)
    before = run.checkpoint.read_bytes()
    with pytest.raises(MartletError, match="does not exist"):
        train(tmp_path / "no-photos", folder=tmp_path, name="run", overwrite=True, quiet=True)
    assert run.checkpoint.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"model": "shufflenet_v2_x1"}, r"shufflenet_v2_x1_0"),
        ({"image_size": 7}, r"^image_size=7 is too small for shufflenet_v2_x0_5"),
        ({"image_size": 16, "small_input": False}, r"too small .* give 32 or more"),
        ({"device": "tpu"}, r"^device='tpu' .* accepted: auto, cpu"),
        ({"resume": True, "overwrite": True}, "cannot both be set"),
        ({"weights": "nowhere"}, r"nowhere.* does not exist"),
        ({"name": "../x"}, r"name=\.\./x is not accepted; give a name without / and"),
        ({"name": ".."}, r"name=\.\. is not accepted"),
        ({"val": 0.6, "test": 0.6}, "leave nothing to train on"),
    ],
)
def test_bad_arguments_are_one_sentence(
    quick: Callable[..., Run], tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence) as caught:
        quick(**options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_stops_with_the_step(
    quick: Callable[..., Run], tmp_path: Path
) -> None:
    with pytest.raises(MartletError, match=r"became NaN or infinite at step \d+ .* smaller --lr"):
        quick(lr=1e30, epochs=4)
    tensors, _ = checkpoint.load(tmp_path / "run" / "resume.safetensors")
    assert all(t.isfinite().all() for t in tensors.values())


@pytest.mark.slow
def test_weights_and_checkpoints_are_read_once(
    quick: Callable[..., Run], trained: Run, tmp_path: Path, reads: Counter[str]
) -> None:
    given = Path(shutil.copy(trained.checkpoint, tmp_path / "given.safetensors"))
    quick(weights=given, epochs=1)
    quick(weights=given, epochs=1, resume=True)
    files = {key.split()[0] for key in reads}
    assert files == {"given.safetensors", "resume.safetensors", "model.safetensors"}
    for key, times in reads.items():  # two calls, of which one resumed
        assert times == (1 if key.startswith("resume") else 2), key


def test_given_parts_are_used(tmp_path: Path, photos: Path, quick: Callable[..., Run]) -> None:
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        part = ("train", "train", "val", "test")[number % 4]
        copy = tmp_path / "parts" / part / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    run = quick(data=tmp_path / "parts", epochs=1)
    split = json.loads((run.folder / "split.json").read_text())
    for part in ("train", "val", "test"):
        assert all(row[0].startswith(f"{part}/") for row in split[part])
    assert run.metrics["pictures"] == len(split["test"]) == 9


def test_without_validation_the_last_epoch_is_kept(quick: Callable[..., Run]) -> None:
    run = quick(val=0.0)
    assert run.metrics["best_epoch"] == 2
    assert "val_top1" not in (run.folder / "metrics.csv").read_text()


def test_averaged_weights_carry_every_buffer(quick: Callable[..., Run]) -> None:
    tensors, _ = checkpoint.load(quick(ema=0.9).checkpoint)
    counters = [tensor for name, tensor in tensors.items() if name.endswith("num_batches_tracked")]
    assert counters
    assert all(int(counter) > 0 for counter in counters)


@pytest.mark.parametrize(("given", "kept"), [(None, 0.2), (0.0, 0.0), (0.5, 0.5)])
def test_dropout_is_the_network_s_unless_given(given: float | None, kept: float) -> None:
    options = TrainOptions(model="shufflenet_v2_authors_x2_0", drop_rate=given)
    plan = train_plan.make_plan(Path("photos"), options)
    recipe = train_plan.make_header(plan, "abc", 100, "").recipe
    assert ("--drop-rate" in options.command(plan.data)) == (given is not None)
    network = Network(options.model, num_classes=3, in_chans=3, small_input=True)
    model = train_setup.build(network, recipe)
    assert isinstance(model.dropout, torch.nn.Dropout)
    assert model.dropout.p == kept


@pytest.mark.slow
def test_an_epoch_of_one_step_has_no_speed(
    quick: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    quick(quiet=False, epochs=1, batch_size=64)
    lines = capsys.readouterr().err.splitlines()
    (told,) = (line for line in lines if line.endswith("best"))
    assert told.split("|")[-1].split()[0] == "–"
