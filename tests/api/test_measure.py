import shutil
from pathlib import Path

import pytest

from martlet.api.measure import measure
from martlet.errors import MartletError
from martlet.storage.claim import claimed
from martlet.workflows.run_folder import Run


@pytest.mark.slow
def test_a_row_per_engine_and_the_report_shows_them(trained: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "copy"))
    rows = measure(folder, seconds=0.1)
    assert [(r.engine, r.threads, r.batch) for r in rows] == [
        ("torch", 1, 1),
        ("onnxruntime", 1, 1),
    ]
    assert all(0 < r.p10_ms <= r.median_ms <= r.p90_ms for r in rows)
    page = (folder / "report.html").read_text(encoding="utf-8")
    before = (trained.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("onnxruntime") == before.count("onnxruntime") + 1
    assert not (folder / "model.onnx").exists()


def test_another_writer_is_named_before_the_work(trained: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "copy"))
    with claimed(folder), pytest.raises(MartletError, match="is being written by process"):
        measure(folder, seconds=1e9)


def test_a_network_by_name() -> None:
    (row,) = measure("shufflenet_v2_x0_5", engines=["torch"], seconds=0.05, image_size=64, batch=2)
    assert (row.engine, row.batch) == ("torch", 2)


@pytest.mark.slow
def test_a_detector_by_the_name_of_its_backbone(trained: Run) -> None:
    rows = measure("shufflenet_v2_x0_5", detector="lite", image_size=64, seconds=0.01)
    assert [row.engine for row in rows] == ["torch", "onnxruntime"]
    with pytest.raises(MartletError, match="did you mean lite"):
        measure("shufflenet_v2_x0_5", detector="light")
    with pytest.raises(MartletError, match="detector='lite' is for the name of a network"):
        measure(trained.folder, detector="lite")


@pytest.mark.slow
def test_a_network_of_another_input() -> None:
    rows = measure("shufflenet_series", seconds=0.01)
    assert [row.engine for row in rows] == ["torch", "onnxruntime"]


@pytest.mark.parametrize(
    ("what", "options", "sentence"),
    [
        ("shufflenet_v2_x05", {}, "did you mean"),
        ("runs/nowhere", {}, r"runs/nowhere.* does not exist"),
        ("shufflenet_v2_x0_5", {"engines": ["onxruntime"]}, "did you mean onnxruntime"),
        ("shufflenet_v2_x0_5", {"threads": 0}, "threads=0"),
        ("shufflenet_v2_x0_5", {"batch": 0}, "batch=0"),
        ("shufflenet_v2_x0_5", {"image_size": 16}, "image_size=16 is too small for shufflenet_v2"),
        ("hybridsn", {"image_size": 16}, "takes a cube"),
    ],
)
def test_bad_arguments_are_one_sentence(
    what: str, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        measure(what, seconds=0.05, **options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"batch": 10**9},
            "a batch of 1000000000 of shape .* needs .* give a smaller batch or size",
        ),
        ({"threads": 2**31}, "threads=2147483648 is not accepted; give 1 to 1024"),
        ({"threads": 2**64}, "threads is a number of 65 bits"),
        ({"image_size": 2**31}, "image_size=2147483648 is not accepted; give 1 to 4096"),
        ({"seconds": 10**400}, "seconds is a number of 1329 bits"),
    ],
)
def test_huge_numbers_are_one_sentence(options: dict[str, int], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        measure("shufflenet_v2_x0_5", engines=["torch"], **{"seconds": 0.01, **options})
