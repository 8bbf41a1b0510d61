"""Every experiment at size tiny: tables fill, without a hole. What they say is not looked at."""

from pathlib import Path

import pytest

import martlet
from martlet.workflows.reproduce import reading
from martlet.workflows.reproduce.experiment import Experiment

SHARED = Path(__file__).parents[4] / "shared" / "data"
pytestmark = [pytest.mark.long, pytest.mark.skipif(not SHARED.exists(), reason="no real data here")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that runs are shared."""
    return tmp_path_factory.mktemp("reproduced")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the recordings of four subjects."""
    import tarfile

    place = tmp_path_factory.mktemp("recordings")
    with tarfile.open(SHARED / "motionsense.tar.xz") as tar:
        chosen = [
            one for one in tar if one.name.endswith(tuple(f"sub_{n}.csv" for n in range(1, 9)))
        ]
        tar.extractall(place, members=chosen, filter="data")
    return next(path for path in place.rglob("A_DeviceMotion_data"))


@pytest.mark.parametrize("name", reading.names())
@pytest.mark.filterwarnings("ignore")
def test_its_table_fills(name: str, folder: Path, request: pytest.FixtureRequest) -> None:
    experiment, data = reading.find(name), None
    if isinstance(experiment, Experiment):
        if experiment.setting == "motionsense":
            data = request.getfixturevalue("recordings")
        else:
            folders = {"cifar10": "flowers", "salinas-a": "hyperspectral", "boxes": "bccd"}
            data = SHARED / folders[experiment.setting]
        if not experiment.runs_at("tiny"):
            pytest.skip("too large for this size")
    result = martlet.reproduce(name, data=data, size="tiny", folder=folder, quiet=True)
    assert not result.failed  # type: ignore[union-attr]
    head, *lines = result.table  # type: ignore[union-attr]
    printed_alone = {
        row.name
        for row in experiment.rows
        if row.model is None and getattr(row, "stack", None) is None
    }
    for line in lines:
        assert len(line) == len(head)
        if line[0] not in printed_alone:
            assert line[1]
            assert line[3] not in ("", "–")
    assert (result.folder / "picture.png").exists()  # type: ignore[union-attr]
    assert (result.folder / "page.html").exists()  # type: ignore[union-attr]
