"""The queue of runs: nothing twice, nothing lost, whatever is killed."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from martlet.errors import MartletError
from martlet.storage.claim import claimed
from martlet.workflows.reproduce.part import Part
from martlet.workflows.reproduce.queue import Queue
from martlet.workflows.reproduce.record import Record
from martlet.workflows.reproduce.tasks import Task

COUNT = 12
RUNNER = """
import sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from test_queue import tasks, Queue, Record

folder = Path(sys.argv[1])

def carry_out(task, where):
    with (folder / "begun.txt").open("a") as file:
        file.write(task.key + chr(10))
    time.sleep(float(sys.argv[2]))
    return {{"key": task.key, "top1": task.seed / 100}}

print(Queue(tasks(), Record(folder), carry_out, lambda told: None).work_through(2))
"""


def tasks() -> list[Task]:
    part = Part(Path("list.csv"), None, "abc")
    return [
        Task(key=f"k{n:02}", label=f"row {n}", row=f"r{n}", seed=n, options={}, part=part)
        for n in range(COUNT)
    ]


def runner(folder: Path, seconds: float) -> "subprocess.Popen[str]":
    source = RUNNER.format(here=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", source, str(folder), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )


def figures(folder: Path) -> dict[str, str]:
    return {key: row["top1"] for key, row in Record(folder).rows().items()}


EXPECTED = {f"k{n:02}": str(n / 100) for n in range(COUNT)}


def test_what_is_done_is_passed_over(tmp_path: Path) -> None:
    record, begun = Record(tmp_path), []
    record.add({"key": "k03", "top1": 0.5})

    def carry_out(task: Task, folder: Path) -> dict[str, Any]:
        begun.append(task.key)
        (folder / "run").mkdir(parents=True)
        return {"key": task.key, "top1": task.seed / 100}

    assert Queue(tasks(), record, carry_out, lambda told: None).work_through(3) == {}
    assert sorted(begun) == sorted(EXPECTED.keys() - {"k03"})
    assert figures(tmp_path) == {**EXPECTED, "k03": "0.5"}
    assert not (tmp_path / "work").exists() or not list((tmp_path / "work").iterdir())


def test_weights_are_kept_where_that_is_asked(tmp_path: Path) -> None:
    def carry_out(task: Task, folder: Path) -> dict[str, Any]:
        (folder / "run").mkdir()
        (folder / "run" / "model.safetensors").write_text(task.key)
        return _well(task, folder)

    queue = Queue(
        tasks()[:2], Record(tmp_path), carry_out, lambda told: None, keep=lambda task: True
    )
    assert queue.work_through(2) == {}
    kept = sorted((tmp_path / "models").iterdir())
    assert [path.name for path in kept] == ["k00.safetensors", "k01.safetensors"]
    assert [path.read_text() for path in kept] == ["k00", "k01"]


def test_a_run_that_fails_leaves_a_hole_and_the_rest_goes_on(tmp_path: Path) -> None:
    told: list[str] = []

    def carry_out(task: Task, folder: Path) -> dict[str, Any]:
        if task.seed % 5 == 0:
            raise MartletError("no luck.")
        return {"key": task.key, "top1": task.seed / 100}

    failed = Queue(tasks(), Record(tmp_path), carry_out, told.append).work_through(2)
    assert failed == {f"k{n:02}": "no luck." for n in (0, 5, 10)}
    assert set(figures(tmp_path)) == EXPECTED.keys() - failed.keys()
    assert "row 5 failed: no luck. The rest goes on." in told
    assert not Queue(tasks(), Record(tmp_path), _well, told.append).work_through(2)
    assert figures(tmp_path) == EXPECTED


def _well(task: Task, folder: Path) -> dict[str, Any]:
    return {"key": task.key, "top1": task.seed / 100}


def test_a_folder_that_cannot_be_written_ends_it(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file")
    with pytest.raises(MartletError, match=r"work"):
        Queue(tasks(), Record(tmp_path), _well, lambda told: None).work_through(2)


@pytest.mark.slow
def test_two_runners_do_no_run_twice(tmp_path: Path) -> None:
    runners = [runner(tmp_path, 0.05) for _ in range(2)]
    assert [one.communicate()[0].strip() for one in runners] == ["{}", "{}"]
    begun = Counter((tmp_path / "begun.txt").read_text().split())
    assert begun == dict.fromkeys(EXPECTED, 1)
    assert figures(tmp_path) == EXPECTED


@pytest.mark.slow
def test_killed_at_five_random_moments_the_rows_are_the_same(tmp_path: Path) -> None:
    chance = random.Random(3)
    for _ in range(5):
        one = runner(tmp_path, 0.05)
        while not (tmp_path / "begun.txt").exists():
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.4))
        one.send_signal(signal.SIGKILL)
        one.communicate()
        assert figures(tmp_path).items() <= EXPECTED.items()
    assert runner(tmp_path, 0.0).communicate()[0].strip() == "{}"
    assert figures(tmp_path) == EXPECTED


def test_a_runner_that_is_stopped_begins_nothing_more(tmp_path: Path) -> None:
    """Also no run that another runner had when the others were done."""
    begun, ended = [], []
    other = tmp_path / "work" / "k00"

    def carry_out(task: Task, folder: Path) -> dict[str, Any]:
        begun.append(task.key)
        if task.key == "k01":
            raise KeyboardInterrupt
        return _well(task, folder)

    with claimed(other):
        queue = Queue(
            tasks()[:2], Record(tmp_path), carry_out, lambda told: None,
            end_runs=lambda: ended.append(True),
        )  # fmt: skip
        with pytest.raises(KeyboardInterrupt):
            queue.work_through(1)
    assert (begun, ended) == (["k01"], [True])


def test_a_run_of_another_runner_that_fails_there_is_made_here(tmp_path: Path) -> None:
    made = []

    def carry_out(task: Task, folder: Path) -> dict[str, Any]:
        made.append(task.key)
        return _well(task, folder)

    with ExitStack() as stack:
        stack.enter_context(claimed(tmp_path / "work" / "k00"))
        threading.Timer(0.5, stack.close).start()
        queue = Queue(tasks()[:2], Record(tmp_path), carry_out, lambda told: None)
        assert queue.work_through(2) == {}
    assert made == ["k01", "k00"]


def test_after_each_run_that_is_recorded_somebody_is_told(tmp_path: Path) -> None:
    seen: list[int] = []
    record = Record(tmp_path)
    queue = Queue(
        tasks(), record, _well, lambda told: None, after=lambda: seen.append(len(record.rows()))
    )
    queue.work_through(1)
    assert seen == list(range(1, COUNT + 1))
