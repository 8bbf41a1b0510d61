"""MLflow told for real, in a folder; without the library there is nothing to tell."""

from pathlib import Path
from typing import Any

import pytest

from martlet.training.trackers import About, Trackers

ROWS = [
    {"epoch": epoch, "lr": 0.1, "train_loss": 1.0 / epoch, "val_top1": 0.1 * epoch}
    for epoch in (1, 2, 3, 4)
]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    mlflow = pytest.importorskip(
        "mlflow", reason="a tracker, which is an extra", exc_type=ImportError
    )
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return mlflow.MlflowClient((tmp_path / "store").as_uri())


def tell(folder: Path, *histories: int, finish: bool = False) -> list[str]:
    """Tell histories of so many rows in one go; what was said."""
    folder.mkdir(exist_ok=True)
    (folder / "report.html").write_text("a report")
    said: list[str] = []
    about = About("run", folder, {"epochs": 4, "lr": None, "command": "c" * 300})
    with Trackers(("mlflow",), about, said.append) as trackers:
        for count in histories:
            trackers.note(ROWS[:count])
        if finish:
            trackers.finish({"test/top1": 0.75}, [folder / "report.html"])
    return said


@pytest.mark.slow
def test_a_run_that_goes_on_is_one_run_told_once(client: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert tell(folder, 1, 2) == []
    assert tell(folder, 2, 3) == []  # killed before its third epoch, and resumed
    (experiment,) = (e for e in client.search_experiments() if e.name == "martlet")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("run", "KILLED")
    assert tell(folder, 4, finish=True) == []
    assert tell(folder, 4, finish=True) == []  # scored again
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"epochs": "4", "lr": "None", "command": "c" * 250}
    for name, value in (("train/loss", 0.25), ("val/top1", 0.4), ("lr", 0.1)):
        history = client.get_metric_history(run.info.run_id, name)
        assert [metric.step for metric in history] == [1, 2, 3, 4]
        assert history[-1].value == value
    assert len(client.get_metric_history(run.info.run_id, "test/top1")) == 1
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["report.html"]
    client.delete_run(run.info.run_id)
    (tmp_path / "run" / "trackers.json").write_text('{"mlflow": {"run_id": "' + "0" * 32 + '"}}')
    assert tell(folder, 4) == []  # of a store that has it no more: a new run
    assert len(client.search_runs([experiment.experiment_id])) == 1


@pytest.mark.slow
def test_an_address_where_nobody_listens_is_said(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (said,) = tell(tmp_path / "run", 1, 2)
    assert said.startswith("mlflow failed (")
    assert "127.0.0.1" in said
