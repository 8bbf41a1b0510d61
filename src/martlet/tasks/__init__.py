"""What can be learnt. To add a task, write its file in this folder and name it in TASKS."""

from martlet.errors import unknown
from martlet.tasks.classification import CLASSIFICATION
from martlet.tasks.detection.task import DETECTION
from martlet.tasks.pixels import PIXELS
from martlet.tasks.task import Task

TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFICATION, PIXELS, DETECTION)}

__all__ = ["TASKS", "Task", "find"]


def find(name: str) -> Task:
    """The task of this name; raises MartletError with the closest ones when there is none."""
    if not isinstance(name, str) or name not in TASKS:
        raise unknown("task", name, list(TASKS))
    return TASKS[name]
