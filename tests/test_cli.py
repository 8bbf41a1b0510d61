"""The command line on real files; most calls stay in this process, since torch loads slowly."""

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftlet import cli
from swiftlet.api.train import train

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command: exit code, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["swiftlet", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


def test_help_names_every_verb(call: Call) -> None:
    code, out, _ = call("--help")
    assert code == 0
    verbs = "demo list show train evaluate predict export measure compile"
    for verb in verbs.split():
        assert f"\n  {verb} " in out


def test_every_option_of_train_has_help(call: Call) -> None:
    _, out, _ = call("train", "--help")
    for name in inspect.signature(train).parameters:
        assert name == "data" or f"--{name.replace('_', '-')}" in out
    assert "Raises" not in out


def test_list_shows_the_papers_figures(call: Call) -> None:
    code, out, _ = call("list", "shufflenet_v2*")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("shufflenet_v2_x1_0"))
    assert "2,278,604" in line
    assert "146M" in line


def test_list_sorted_as_json(call: Call) -> None:
    _, out, _ = call("list", "--sort", "macs", "--json")
    rows = json.loads(out)
    assert [row["macs"] for row in rows] == sorted(row["macs"] for row in rows)
    assert len(rows) > 10


def test_show_ends_with_the_sums(call: Call) -> None:
    code, out, _ = call("show", "shufflenet_v2_x0_5")
    assert code == 0
    assert "1,366,792 params" in out.splitlines()[-1]


def test_the_verbs_one_after_the_other(call: Call, photos: Path, tmp_path: Path) -> None:
    recipe, run = tmp_path / "quick.toml", tmp_path / "run"
    lines = ("model = 'shufflenet_v2_x0_5'", "image_size = 16", "batch_size = 8", "epochs = 9")
    recipe.write_text("\n".join(lines))
    code, out, err = call(
        *("train", photos, "--recipe", recipe, "--epochs", 1, "--workers", 0),
        *("--folder", tmp_path, "--name", "run"),
    )
    assert code == 0, err
    assert "3 classes" in err
    assert "epochs = 9" not in err
    assert f"swiftlet predict {run}" in out
    code, out, err = call("predict", run, photos / "red" / "001.png", "--json")
    assert code == 0, err
    (answer,) = json.loads(out)
    assert answer["label"] in ("blue", "green", "red")
    code, out, err = call("export", run, "--format", "onnx")
    assert code == 0, err
    assert "verified with ONNX Runtime" in out
    code, out, err = call("evaluate", run, photos, "--json")
    assert code == 0, err
    assert json.loads(out)["pictures"] > 0
    code, out, err = call("measure", run, "--seconds", 0.1, "--engines", "torch")
    assert code == 0, err
    assert "median ms" in out
    assert (run / "metrics.csv").read_text().count("\n") == 2  # the flag won over the recipe


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "shufflenet_v2_x10"], "did you mean"),
        (["train", "nowhere"], "'nowhere' does not exist"),
        (["train", "nowhere", "--epochs", "0"], "epochs=0 is not accepted"),
        (["train", "nowhere", "--recipe", "no.toml"], "recipe=no.toml cannot be read"),
        (["predict", "nowhere", "a.jpg"], "nowhere does not exist"),
        (["list", "resnext*"], "matches no network"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(
    call: Call, arguments: list[str], sentence: str
) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_an_unknown_key_in_a_recipe_is_named(call: Call, tmp_path: Path, photos: Path) -> None:
    recipe = tmp_path / "bad.toml"
    recipe.write_text("epoch = 3\n")
    code, _, err = call("train", photos, "--recipe", recipe)
    assert code == 2
    assert "did you mean epochs" in err


def test_the_command_works_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "swiftlet", "--help"], capture_output=True, text=True, check=True
    )
    assert "Usage: swiftlet" in done.stdout


@pytest.mark.slow
def test_a_closed_pipe_is_no_traceback() -> None:
    done = subprocess.run(
        f"{sys.executable} -m swiftlet list | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
