import csv
import io
from pathlib import Path

from rich.console import Console

from martlet.console.answers import as_csv
from martlet.console.tables import predicted
from martlet.inference import Prediction
from martlet.tasks.rejection import UNKNOWN
from martlet.workflows.predict_scene import SceneMap


def test_a_row_for_each_answer_whatever_the_names() -> None:
    top = (("cat, wild", 0.75), ('"dog"\n', 0.25))
    answers = [
        Prediction("a\x1b[2J.jpg", "cat, wild", 0.75, top),
        Prediction("caf\udce9.jpg", error="'caf\udce9.jpg' is empty (0 bytes)."),
    ]
    first, second = csv.DictReader(io.StringIO(as_csv(answers)))
    assert first["picture"] == "a\\x1b[2J.jpg"
    assert (first["label"], first["probability"]) == ("cat, wild", "0.75")
    assert (first["label_2"], first["probability_2"]) == ('"dog"\\n', "0.25")
    assert second["picture"] == "caf\\xe9.jpg"
    assert second["error"] == "'caf\\xe9.jpg' is empty (0 bytes)."
    assert second["label"] == second["probability_2"] == ""


def test_no_answers_are_a_header() -> None:
    assert as_csv([]) == "picture,error,label,probability\n"


def test_a_scenes_map_has_a_row_a_class() -> None:
    maps = [
        SceneMap("a.mat", Path("out"), (("corn", 5), ("oats", 0))),
        SceneMap("b.mat", error="there is none"),
    ]
    assert as_csv(maps).splitlines() == [  # type: ignore[arg-type]
        "path,error,folder,class,pixels",
        "a.mat,,out,corn,5",
        "a.mat,,out,oats,0",
        "b.mat,there is none,,,",
    ]


def test_an_unknown_picture_has_its_best_guesses_beside_it() -> None:
    top = (("cat", 0.5), ("dog", 0.25))
    answers = [
        Prediction("a.jpg", "cat", 0.5, top),
        Prediction("b.jpg", UNKNOWN, 0.5, top, unknown=True),
    ]
    assert as_csv(answers).splitlines() == [
        "picture,error,label,probability,label_2,probability_2,label_3,probability_3",
        "a.jpg,,cat,0.5,dog,0.25,,",
        "b.jpg,,unknown,,cat,0.5,dog,0.25",
    ]
    console = Console(file=io.StringIO(), width=90)
    predicted(answers, console)
    assert isinstance(console.file, io.StringIO)
    first, second = console.file.getvalue().splitlines()[-2:]
    assert first.split() == ["a.jpg", "cat", "50.0%", "dog", "25.0%"]
    assert second.split() == ["b.jpg", "unknown", "cat", "50.0%,", "dog", "25.0%"]
