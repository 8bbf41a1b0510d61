"""The command line on real files; most calls stay in this process, since torch loads slowly."""

import csv
import inspect
import io
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import martlet
from martlet.api.train import train
from martlet.cli import main
from martlet.console.result import plain
from martlet.only_for import kinds_of
from martlet.workflows.run_folder import Run
from martlet.workflows.train import protocols as train_protocols

Call = Callable[..., tuple[int, str, str]]


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


def test_list_shows_the_papers_figures_and_the_weights(call: Call) -> None:
    code, out, _ = call("list", "shufflenet_v2*")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("shufflenet_v2_x1_0"))
    assert line.split() == [
        *("shufflenet_v2_x1_0", "2,278,604", "144.9", "2.3M", "146M", "30.6", "69.362")
    ]


def test_list_by_error_puts_rows_without_one_last(call: Call) -> None:
    _, out, _ = call("list", "--sort", "error", "--json")
    errors = [row["paper"]["top1_error"] for row in json.loads(out)]
    known = sorted(error for error in errors if error is not None)
    assert len(known) > 10
    assert errors == known + [None] * (len(errors) - len(known))


def test_show_ends_with_the_sums_and_the_row(call: Call) -> None:
    code, out, _ = call("show", "shufflenet_v2_x0_5")
    assert code == 0
    layers, _, end = out.partition("\n\n")
    assert layers.splitlines()[-1].split()[:4] == ["classifier", "Linear", "1×1000", "1,025,000"]
    lines = end.splitlines()
    assert lines[0].startswith("1,366,792 params, 40.5 M MACs")
    assert "paper: 1.4M params, 41M MACs, top-1 error 39.7 %" in lines
    assert "also called: shufflenetv2_wd2" in lines
    assert any(line.startswith("note: both readings") for line in lines)
    assert lines[-1].startswith("weights: torchvision ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1")
    assert lines[-1].endswith("licence BSD-3-Clause")


def test_show_takes_the_options_of_the_network(call: Call) -> None:
    _, out, _ = call("show", "mobilenet_v1_x0_25", "--attention", "se", "--image-size", "96")
    assert "options: attention=se, image_size=96; without them 470,072 params" in out
    assert "SqueezeExcite" not in out  # its layers are the rows
    assert ".attention.fc2 " in out
    _, out, _ = call("show", "shufflenet_series", "--model-options", "kernel=5")
    assert "205,324 params" in out
    assert "per window" in out


def test_show_as_json(call: Call) -> None:
    _, out, _ = call("show", "hybridsn", "--json")
    shown = json.loads(out)
    assert shown["spec"]["paper"]["params"] == "5,122,176"
    assert shown["cost"]["shape"] == [1, 1, 30, 25, 25]
    assert shown["cost"]["params"] == sum(row["params"] for row in shown["cost"]["layers"])
    assert shown["cost"]["uncounted"]["relu"] == 6


@pytest.mark.slow
def test_export_writes_the_format_that_is_asked_for(
    call: Call, trained: Run, tmp_path: Path
) -> None:
    code, _, err = call("export", trained.folder, "--format", "c", "--output", tmp_path / "c")
    assert (code, err) == (0, "")
    assert (tmp_path / "c" / "model.c").exists()
    code, _, _ = call("export", trained.folder, "--format", "d")
    assert code == 2


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
    assert f"martlet predict {run}" in out
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


def test_version(call: Call) -> None:
    assert call("--version") == (0, f"martlet {martlet.__version__}\n", "")


def test_json_has_null_for_what_is_no_number() -> None:
    values = {"loss": float("nan"), "rows": [float("inf"), 1.5], "path": Path("a")}
    assert plain(values) == {"loss": None, "rows": [None, 1.5], "path": "a"}


def test_a_quiet_run_says_nothing(
    call: Call, trained: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_protocols, "carry_out_all", lambda *_: trained)
    assert call("train", "photos", "--quiet") == (0, "", "")
    assert "next:" in call("train", "photos")[1]


def test_predict_fails_when_no_picture_could_be_read(
    call: Call, trained: Run, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    code, out, _ = call("predict", trained.folder, tmp_path / "broken.jpg")
    assert code == 1
    assert "broken.jpg" in out
    code, out, _ = call("predict", trained.folder, tmp_path / "broken.jpg", "--json")
    assert code == 1
    assert json.loads(out)[0]["error"]
    good = photos / "red" / "001.png"
    assert call("predict", trained.folder, tmp_path / "broken.jpg", good)[0] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems accept UTF-8 names only")
@pytest.mark.parametrize("of", ["run", "onnx"])
def test_odd_names_of_pictures_keep_no_answer_back(
    call: Call, trained: Run, exported: Path, photos: Path, tmp_path: Path, of: str
) -> None:
    names = [b"caf\xe9.png", b"\x1b[2J.png", b"two\nlines.png", b"bad\x1b]0;x\x07.png"]
    for name in names[:3]:
        shutil.copy(photos / "red" / "001.png", os.fsencode(tmp_path) + b"/" + name)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + names[3])).write_bytes(b"no picture")
    code, out, _ = call("predict", exported if of == "onnx" else trained.folder, tmp_path)
    assert code == 0
    assert len(out.splitlines()) == 1 + len(names)
    for shown in ("caf\\xe9.png", "\\x1b[2J.png", "two\\nlines.png", "bad\\x1b]0;x\\x07.png"):
        assert shown in out
    assert "\x1b" not in out
    _, out, _ = call("predict", trained.folder, tmp_path, "--json")
    assert {os.fsencode(Path(row["path"]).name) for row in json.loads(out)} == set(names)


def test_answers_for_other_programs(call: Call, trained: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "bad, or not.jpg").write_bytes(b"no picture")
    asked = ("predict", trained.folder, photos / "red" / "001.png", tmp_path, "--top", "2")
    whole = json.loads(call(*asked, "--json")[1])
    assert json.loads(call(*asked, "--format", "json")[1]) == whole
    code, out, _ = call(*asked, "--format", "jsonl")
    assert (code, [json.loads(line) for line in out.splitlines()]) == (0, whole)
    code, out, _ = call(*asked, "--format", "csv")
    assert code == 0
    good, bad = csv.DictReader(io.StringIO(out))
    assert good["picture"] == whole[0]["path"]
    assert [good["label"], good["label_2"]] == [label for label, _ in whole[0]["top"]]
    assert float(good["probability"]) == pytest.approx(whole[0]["probability"], abs=1e-5)
    assert (good["error"], bad["label"], bad["probability_2"]) == ("", "", "")
    assert bad["picture"].endswith("bad, or not.jpg")
    assert "is not a picture" in bad["error"]
    assert call(*asked, "--format", "xml")[0] == 2


def test_an_error_tells_a_terminal_nothing_else(call: Call) -> None:
    code, out, err = call("predict", "no\x1b]0;x\x07\nrun\udce9", "a.jpg")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no\\x1b]0;x\\x07\\nrun\\xe9 does not exist" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "shufflenet_v2_x10"], "did you mean"),
        (["train", "nowhere"], "'nowhere' does not exist"),
        (["train", "nowhere", "--epochs", "0"], "epochs=0 is not accepted"),
        (["train", "nowhere", "--recipe", "no.toml"], "recipe=no.toml cannot be read"),
        (
            ["measure", "shufflenet_v2_x0_5", "--seconds", "inf", "--engines", "torch"],
            "seconds=inf",
        ),
        (["measure", "shufflenet_v2_x0_5", "--seconds", "inf"], "seconds=inf"),
        (["measure", "shufflenet_v2_x0_5", "--engines", "c,d"], "engine 'd' is not known"),
        (["predict", "nowhere", "a.jpg"], "nowhere does not exist"),
        (["list", "vgg*"], "matches no network"),
        (["show", "hybridsn", "--image-size", "64"], "takes a cube of shape (1, 30, 25, 25)"),
        (["show", "shufflenet_series", "--image-size", "64"], "takes a series of shape"),
        (["show", "shufflenet_v2_x0_5", "--model-options", "width"], "give NAME=VALUE"),
        (["show", "shufflenet_v2_x0_5", "--model-options", "width=2"], "has no option 'width'"),
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


def test_the_command_works_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "martlet", "--help"], capture_output=True, text=True, check=True
    )
    assert "Usage: martlet" in done.stdout


@pytest.mark.slow
def test_a_closed_pipe_is_no_traceback() -> None:
    done = subprocess.run(
        f"{sys.executable} -m martlet list | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
@pytest.mark.parametrize("options", ["", "--json"])
def test_a_full_standard_output_is_one_line(options: str) -> None:
    done = subprocess.run(
        f"{sys.executable} -m martlet list {options} > /dev/full",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: standard output: No space left on device.\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "error: No space left on device."),
        (OSError(13, "Permission denied", "a/b"), "error: a/b: Permission denied."),
        (OSError("odd\x1b"), "error: odd\\x1b."),
    ],
)
def test_what_the_system_refuses_is_one_line(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: OSError, line: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(main, "app", refuse)
    assert call("list") == (2, "", f"{line}\n")


VALUES = (
    *("0", "-1", "1", "1e400", "nan", "-inf", "1e-320", "true", "false", "''", "'x'", "'auto'"),
    *("[]", "[1, 2]", "{}", "{a=1}", "1979-05-27", "07:32:00", "9223372036854775808", "4096"),
    *("0.5", "32", "'\\u0000'", "123456789012345678901234567890", "'../x'", "'\\u001b[2J'"),
    *("'cuda:99'", "99999999999", "'off'", "'adamw'", "'crop'"),
)


@pytest.mark.slow
def test_recipes_of_any_kind_are_taken_or_refused_in_a_line(call: Call, tmp_path: Path) -> None:
    """Mostly options that pictures have: those of other data alone are refused at once."""
    path, options = tmp_path / "r.toml", list(inspect.signature(train).parameters.values())[1:]
    names = [one.name for one in options if "pictures" in (kinds_of(one) or ["pictures"])]
    names += [one.name for one in options[::3]]
    found: Counter[str] = Counter()
    for seed in range(500):
        chance = random.Random(seed)
        lines = (f"{chance.choice(names)} = {chance.choice(VALUES)}" for _ in range(1 + seed % 2))
        content = bytearray("\n".join(lines), "utf-8")
        for _ in range(chance.choice((0, 0, 0, 1, 3))):
            content[chance.randrange(len(content))] = chance.choice(b"\0\n\"'=[{\xff._")
        path.write_bytes(content)
        code, out, err = call("train", "nowhere", "--folder", tmp_path, "--recipe", path)
        assert (code, out) == (2, ""), content
        assert "\x1b" not in err
        found["taken" if "'nowhere' does not exist" in err else "refused"] += 1
    print(dict(found))
    assert min(found.values()) > 10
