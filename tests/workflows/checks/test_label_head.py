import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from martlet.errors import MartletError
from martlet.workflows.checks import label_check
from martlet.workflows.run_folder import Run


@pytest.fixture
def flipped(photos: Path, tmp_path: Path) -> Path:
    """Red and green under other names, one of each in the other's folder."""
    for number in range(12):
        for colour, name, other in (("red", "a", "b"), ("green", "b", "a")):
            folder = tmp_path / "flipped" / (other if number == 7 else name)
            folder.mkdir(parents=True, exist_ok=True)
            picture = photos / colour / f"{number:03}.png"
            (folder / f"{colour}{number}.png").write_bytes(picture.read_bytes())
    return tmp_path / "flipped"


@pytest.mark.slow
def test_flipped_labels_are_the_first_in_doubt(
    flipped: Path,
    trained: Run,
    quick: Callable[..., Run],
    same_weights: Callable[[Path, Path], bool],
) -> None:
    given = {"data": flipped, "weights": trained.folder, "epochs": 1}
    plain = quick(**given, name="plain")
    run = quick(**given, check_labels=4)
    assert same_weights(plain.folder, run.folder)
    before = (run.folder / "suspects.csv").read_text()
    rows = list(csv.DictReader(before.splitlines()))
    assert {row["path"] for row in rows[:2]} == {"b/red7.png", "a/green7.png"}
    assert "Labels in doubt" in (run.folder / "report.html").read_text()
    (run.folder / "suspects.csv").unlink()  # killed before it was written
    quick(**given, check_labels=4, resume=True)
    assert (run.folder / "suspects.csv").read_text() == before
    quick(**given, overwrite=True)
    assert not (run.folder / "suspects.csv").exists()
    assert not (run.folder / "suspects.png").exists()


@pytest.mark.slow
def test_the_list_is_there_when_the_sheet_is(
    flipped: Path, trained: Run, quick: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the sheet is drawn: the run that goes on makes both."""
    given: dict[str, Any] = {"data": flipped, "check_labels": 5, "weights": trained.folder}

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(label_check, "draw_predictions", killed)
        with pytest.raises(KeyboardInterrupt):
            quick(**given, epochs=1, name="cut")
    run = quick(**given, epochs=1, name="cut", resume=True)
    assert (run.folder / "suspects.csv").exists()
    assert (run.folder / "suspects.png").exists()


def test_where_a_head_cannot_judge(flipped: Path, trained: Run, quick: Callable[..., Run]) -> None:
    with pytest.raises(MartletError, match=r"check_labels=5 judges labels by features .* give wei"):
        quick(data=flipped, check_labels=5)
    with pytest.raises(MartletError, match="cross_validate lists labels in doubt itself"):
        quick(data=flipped, check_labels=5, cross_validate="3", fold=1, weights=trained.folder)
    with pytest.raises(MartletError, match="check_labels=25 needs as many different pictures"):
        quick(data=flipped, check_labels=25, weights=trained.folder)
