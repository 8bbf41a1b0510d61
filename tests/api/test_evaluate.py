import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from martlet import memory
from martlet.api.evaluate import evaluate
from martlet.data.cache import PixelCache
from martlet.errors import MartletError
from martlet.inference import Network
from martlet.workflows.run_folder import Run

Split = dict[str, list[list[str]]]


@pytest.fixture
def split(trained: Run) -> Split:
    found: Split = json.loads((trained.folder / "split.json").read_text())
    return found


def copied(paths: list[str], photos: Path, folder: Path) -> Path:
    """Some of the pictures, under other names."""
    for number, path in enumerate(paths):
        copy = folder / Path(path).parent / f"renamed-{number}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / path, copy)
    return folder


def test_the_test_part_is_scored_as_training_scored_it(
    trained: Run, photos: Path, split: Split
) -> None:
    found = evaluate(trained.folder, photos, quiet=True)
    for name in ("top1", "pictures", "balanced_top1", "macro_f1", "per_class"):
        assert found[name] == trained.metrics[name]
    assert found["loss"] == pytest.approx(trained.metrics["loss"], rel=1e-4)
    assert found["left_out"] == {
        "the run trained on them": len(split["train"]),
        "they chose the run's epoch": len(split["val"]),
    }


def test_other_parts_and_all(trained: Run, photos: Path, split: Split) -> None:
    for part in ("train", "val"):
        assert evaluate(trained.folder, photos, split=part, quiet=True)["pictures"] == len(
            split[part]
        )
    assert evaluate(trained.folder, photos, split="all", quiet=True)["pictures"] == 36


def test_large_pictures_are_scored_a_few_at_a_time(
    trained: Run, photos: Path, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = evaluate(trained.folder, photos, quiet=True)
    sizes: list[int] = []
    logits = Network.logits

    def counted(self: Network, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        sizes.append(len(batch))
        return logits(self, batch)

    monkeypatch.setattr(Network, "logits", counted)
    monkeypatch.setattr(memory, "EVAL_VALUES", 4 * 3 * 16 * 16)  # as four pictures of the run have
    found = evaluate(trained.folder, photos, quiet=True)
    assert (max(sizes), sum(sizes)) == (4, len(split["test"]))
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)


def test_training_pictures_are_known_under_any_name(
    trained: Run, photos: Path, split: Split, tmp_path: Path
) -> None:
    paths = [row[0] for row in split["train"][:4] + split["test"][:3]]
    found = evaluate(trained.folder, copied(paths, photos, tmp_path / "other"), quiet=True)
    assert found["pictures"] == 3
    assert found["left_out"] == {"the run trained on them": 4}
    seen = copied([row[0] for row in split["train"]], photos, tmp_path / "seen")
    with pytest.raises(MartletError, match=r"leaves none of the pictures .* trained on them"):
        evaluate(trained.folder, seen, quiet=True)


@pytest.mark.parametrize("file", ["model.safetensors", "model.onnx"])
def test_a_split_that_was_changed_lets_no_training_picture_in(
    trained: Run, exported: Path, photos: Path, split: Split, tmp_path: Path, file: str
) -> None:
    for given in (trained.checkpoint, exported):
        shutil.copy(given, tmp_path)
    (tmp_path / exported.name).rename(tmp_path / "model.onnx")
    digest = split["train"][0][1]
    split["train"][0][1] = digest[:-1] + ("1" if digest[-1] == "0" else "0")  # now it is new
    (tmp_path / "split.json").write_text(json.dumps(split))
    with pytest.raises(MartletError, match=r"split\.json is not the split that .* trained with"):
        evaluate(tmp_path / file, photos, quiet=True)
    assert evaluate(tmp_path / file, photos, split="all", quiet=True)["pictures"] == 36


def test_the_exported_file_scores_the_same(
    trained: Run, exported: Path, photos: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained.folder, tmp_path / "copy"))
    file = shutil.copy(exported, run / "model.onnx")  # beside the run's split
    ours, theirs = (evaluate(x, photos, quiet=True) for x in (run, file))
    assert ours["top1"] == theirs["top1"]
    assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-4)


@pytest.mark.parametrize("file", ["run", "model.onnx"])
def test_classes_are_refused_before_a_picture_is_decoded(
    trained: Run,
    exported: Path,
    photos: Path,
    tmp_path: Path,
    file: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(photos / "red", tmp_path / "data" / "violet")
    monkeypatch.setattr(PixelCache, "build", None)
    network = trained.folder if file == "run" else exported
    with pytest.raises(MartletError, match=r"classes that the network does not know: violet"):
        evaluate(network, tmp_path / "data", split="all", quiet=True)


def test_a_folder_without_a_run(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(MartletError, match=r"holds no model\.safetensors"):
        evaluate(tmp_path, photos)


def test_a_checkpoint_alone_cannot_tell_what_it_was_trained_on(
    trained: Run, photos: Path, tmp_path: Path
) -> None:
    alone = Path(shutil.copy(trained.checkpoint, tmp_path))
    with pytest.raises(MartletError, match=r"no split\.json beside it"):
        evaluate(alone, photos, quiet=True)
    assert evaluate(alone, photos, split="all", quiet=True)["pictures"] == 36
