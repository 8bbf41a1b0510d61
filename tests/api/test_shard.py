"""`martlet shard`: what it says and leaves, and that other verbs take it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from martlet.api.evaluate import evaluate
from martlet.api.shard import shard
from martlet.errors import MartletError
from martlet.workflows.run_folder import Run


def test_a_folder_and_a_list_become_the_same_shards(
    photos: Path, tmp_path: Path, call: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, said = call("shard", photos, tmp_path / "out", "--size", "30kB", "--json")
    assert code == 0, said
    found = json.loads(out)
    assert (found["pictures"], found["classes"], found["bad"]) == (36, 3, 0)
    assert found["shards"] == len(list((tmp_path / "out").glob("photos-0*.tar"))) > 1
    rows = [f"{p.relative_to(photos)},{p.parent.name}" for p in sorted(photos.rglob("*.png"))]
    (tmp_path / "photos.csv").write_text("\n".join(["path,kind", *rows]))
    words = ("--label-column", "kind", "--root", photos, "--size", "30kB")
    code, out, said = call("shard", tmp_path / "photos.csv", tmp_path / "listed", *words)
    assert code == 0, said
    assert "36 pictures of 3 classes in" in out
    for path in (tmp_path / "out").glob("*.tar"):
        assert path.read_bytes() == (tmp_path / "listed" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": "many"}, "size='many' is not accepted; give a size, as 320kB, 500MB or 20GB"),
        ({"name": "a/b"}, "name='a/b' is not accepted; give the start of a file's name"),
        ({"path_column": "x"}, "path_column='x' is about a list of pictures"),
    ],
)
def test_a_mistake_is_a_sentence(
    photos: Path, tmp_path: Path, options: dict[str, str], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        shard(photos, tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_run_is_evaluated_on_shards(trained: Run, photos: Path, tmp_path: Path) -> None:
    shard(photos, tmp_path / "out", quiet=True)
    found = evaluate(trained.folder, tmp_path / "out", quiet=True)
    assert found["top1"] == trained.metrics["top1"]
    assert found["pictures"] == trained.metrics["pictures"]
