import csv
import io
from pathlib import Path

from martlet.console.answers import as_csv
from martlet.inference import Prediction
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
