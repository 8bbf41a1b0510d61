"""`train --few`, through the verb."""

import csv
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from martlet.api.evaluate import evaluate
from martlet.api.predict import predict
from martlet.errors import MartletError
from martlet.training import checkpoint, loop
from martlet.training.recipe import Recipe
from martlet.workflows.run_folder import Run
from martlet.workflows.train.options import TrainOptions

Quick = Callable[..., Run]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def few(quick: Quick, trained: Run, **options: object) -> Run:
    """From a run on the same pictures, as if they were other ones; no epoch if not given."""
    given = {"pretrained": trained.folder, "few": True, **options}
    return quick(**given)


def test_epochs_are_none_where_they_are_not_given(trained: Run) -> None:
    assert TrainOptions(few=True, given=frozenset({"few"})).epochs == 0
    assert TrainOptions(few=True, epochs=30, given=frozenset({"few", "epochs"})).epochs == 30
    assert TrainOptions(few=True, time="1m", given=frozenset({"few", "time"})).epochs == 30
    words = TrainOptions(few=True, epochs=30, given=frozenset({"few", "epochs"})).words(Path("d"))
    assert words[words.index("--epochs") + 1] == "30"
    assert Recipe(few=True, epochs=0).epochs == 0
    with pytest.raises(MartletError, match=r"epochs=0 is not accepted; give 1 or more, or 0 with"):
        Recipe(epochs=0)


@pytest.fixture(scope="module")
def head_alone(trained: Run, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of the classifier alone; not to be written to but by --resume."""
    from martlet.api.train import train

    folder = tmp_path_factory.mktemp("few")
    return train(
        photos, folder=folder, name="run", few=True, pretrained=trained.folder, image_size=16,
        workers=0, quiet=True,
    )  # fmt: skip


def test_the_classifier_alone(head_alone: Run, trained: Run, photos: Path) -> None:
    before = checkpoint.load(trained.checkpoint)[0]
    after, header = checkpoint.load(head_alone.checkpoint)
    assert header.recipe.few
    assert header.recipe.epochs == 0
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name]) != name.startswith("classifier."), name
    assert [row["epoch"] for row in rows(head_alone.folder)] == ["0"]
    assert head_alone.metrics["best_epoch"] == 0
    assert head_alone.metrics["top1"] == 1.0
    words = shlex.split(head_alone.metrics["command"])
    assert words[words.index("--epochs") + 1] == "0"
    assert evaluate(head_alone.folder, photos)["top1"] == 1.0  # type: ignore[index]
    (answer,) = predict(head_alone.folder, [photos / "red" / "000.png"])
    assert answer.label == "red"


def test_scores_of_folds_where_pictures_are_few(head_alone: Run) -> None:
    found = head_alone.metrics["few"]
    assert len(found["folds"]) == 5
    assert 0.8 <= found["mean"] <= 1.0
    assert "Some classes have under 20 pictures: over 5 folds" in found["told"]
    page = (head_alone.folder / "report.html").read_text(encoding="utf-8")
    assert "over 5 folds of the 30 that are not held out" in page


def test_a_run_of_the_classifier_alone_is_at_its_end(
    head_alone: Run, trained: Run, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from martlet.api.train import train

    before = head_alone.checkpoint.read_bytes()
    again = train(
        photos, folder=head_alone.folder.parent, name="run", few=True, pretrained=trained.folder,
        image_size=16, workers=0, resume=True,
    )  # fmt: skip
    assert "is trained to its end; it is scored again" in " ".join(capsys.readouterr().err.split())
    assert again.metrics["few"] == head_alone.metrics["few"]
    assert len(before) > 0
    one, other = checkpoint.load(again.checkpoint)[0], checkpoint.load(head_alone.checkpoint)[0]
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_epochs_after_it_go_on_bit_for_bit(
    quick: Quick, trained: Run, monkeypatch: pytest.MonkeyPatch, same_weights: Callable[..., bool]
) -> None:
    whole = few(quick, trained, epochs=2, name="whole", val=0.2)
    assert [row["epoch"] for row in rows(whole.folder)] == ["0", "1", "2"]
    assert all(value for row in rows(whole.folder) for value in row.values())
    assert whole.metrics["best_epoch"] in (0, 1, 2)
    assert any("closed form" in note for note in whole.metrics["notes"])

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # after the first checkpoint, before the first step
        patch.setattr("martlet.workflows.train.run.run_loop", stop)
        with pytest.raises(KeyboardInterrupt):
            few(quick, trained, epochs=2, name="stopped", val=0.2)
    stopped = few(quick, trained, epochs=2, name="stopped", val=0.2, resume=True)
    assert same_weights(whole.folder, stopped.folder)
    assert stopped.metrics["few"] == whole.metrics["few"]


def test_options_of_epochs_need_some() -> None:
    told = r"^mixup=0\.4 is for epochs, and few=True alone has none; give epochs or time, or leave"
    with pytest.raises(MartletError, match=told):
        TrainOptions(few=True, mixup=0.4, given=frozenset(("few", "mixup")))
    with pytest.raises(MartletError, match=r"^head_epochs=1 is for epochs, and few=True alone has"):
        TrainOptions(few=True, head_epochs=1, given=frozenset(("few", "head_epochs")))
    given = frozenset(("few", "mixup", "seed", "epochs"))
    assert TrainOptions(few=True, mixup=0.4, seed=1, epochs=2, given=given).epochs == 2
    assert TrainOptions(few=True, seed=1, given=frozenset(("few", "seed"))).epochs == 0


def test_features_of_fresh_weights_are_refused(quick: Quick, tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"^few=True keeps weights .* fresh; give pretrained"):
        quick(few=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_kill_within_the_epochs_after_it(
    quick: Quick, trained: Run, monkeypatch: pytest.MonkeyPatch, same_weights: Callable[..., bool]
) -> None:
    options = {"epochs": 2, "val": 0.2, "head_epochs": 1, "lr_decay": 0.5}
    whole, saved = few(quick, trained, name="whole", **options), loop.save
    for saves in (2, 3):  # before the first step, and behind each epoch: the next one fails
        count = iter(range(saves))

        def save(*given: object, count: Iterator[int] = count, **named: object) -> None:
            if next(count, None) is None:
                raise KeyboardInterrupt
            saved(*given, **named)  # type: ignore[arg-type]

        name = f"killed{saves}"
        with monkeypatch.context() as patch:
            patch.setattr("martlet.training.loop.save", save)
            patch.setattr("martlet.workflows.train.run.save", save)
            with pytest.raises(KeyboardInterrupt):
                few(quick, trained, name=name, **options)
        again = few(quick, trained, name=name, resume=True, **options)
        assert same_weights(whole.folder, again.folder), saves


@pytest.mark.parametrize("classes", [0, 1])
def test_one_class_is_none_to_tell_apart(
    quick: Quick, trained: Run, tmp_path: Path, photos: Path, classes: int
) -> None:
    data = tmp_path / "one"
    data.mkdir()
    for name in ("red", "green")[:classes]:
        (data / name).symlink_to(photos / name)
    with pytest.raises(MartletError, match=r"class|picture"):
        few(quick, trained, data=data)
