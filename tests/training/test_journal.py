import csv
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from martlet.training.journal import Journal

ROWS = [
    {"epoch": epoch, "lr": 0.1, "train_loss": 1.0 / epoch, "val_top1": 0.1 * epoch, "seconds": 2.0}
    for epoch in (1, 2, 3, 4)
]


def test_rows_and_events_agree_and_going_on_repeats_nothing(tmp_path: Path) -> None:
    first = Journal(tmp_path, [])
    for count in (1, 2, 3):
        first.note(ROWS[:count])
    first.close()
    again = Journal(tmp_path, ROWS[:2])  # killed before the third epoch's checkpoint
    assert (tmp_path / "metrics.csv").read_text().count("\n") == 3
    for count in (3, 4):
        again.note(ROWS[:count])
    again.close()
    found = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert [{name: float(row[name]) for name in row} for row in found] == ROWS
    events = EventAccumulator(str(tmp_path)).Reload()
    assert {"train/loss", "val/top1", "lr"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4]
