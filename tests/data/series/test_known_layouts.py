from pathlib import Path

import pytest

from martlet.data.series.known_layouts import LAYOUTS, find, recognise
from martlet.data.series.layout import Columns, list_files
from martlet.errors import MartletError


def touched(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (["UCI HAR Dataset/train/Inertial Signals/body_acc_x_train.txt"], "uci-har"),
        (["WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt", "WISDM_ar_v1.1/readme.txt"], "wisdm"),
        (["wisdm-dataset/raw/phone/accel/data_1600_accel_phone.txt"], "wisdm"),
        (["PAMAP2_Dataset/Protocol/subject101.dat", "PAMAP2_Dataset/readMe.pdf"], "pamap2"),
        (["UniMiB-SHAR/data/acc_data.mat"], "unimib"),
        (["USC-HAD/Subject1/a1t1.mat", "USC-HAD/Readme.txt"], "usc-had"),
        (["data/a01/p1/s01.txt"], "dsads"),
        (["dataset/S1-ADL1.dat", "dataset/S1-Drill.dat"], "opportunity"),
        (["BasicMotions_TRAIN.ts", "BasicMotions_TEST.ts"], "ts"),
        (["windows.npz"], "npz"),
        (["A_Data/dws_1/sub_1.csv", "A_Data/sit_2/sub_1.csv"], "activity_trial/subject"),
        (["all.csv"], "table"),
        (["a.parquet", "b.parquet"], "table"),
    ],
)
def test_recognised(tmp_path: Path, names: list[str], layout: str) -> None:
    assert recognise(list_files(touched(tmp_path, *names)), Columns()).name == layout


def test_a_named_column_of_labels_comes_before_folders(tmp_path: Path) -> None:
    files = list_files(touched(tmp_path, "s1/a.csv", "s2/b.csv"))
    assert recognise(files, Columns(label="activity")).name == "table"


def test_not_recognised(tmp_path: Path) -> None:
    with pytest.raises(
        MartletError, match=r"nothing that is known as recordings \(there: 'a\.wav'"
    ):
        recognise(list_files(touched(tmp_path, "a.wav")), Columns())
    with pytest.raises(
        MartletError, match=r"holds series of .*, and arrays .*layout='ts' or 'npz'"
    ):
        recognise(list_files(touched(tmp_path, "a.ts", "b.npz")), Columns())


def test_names(tmp_path: Path) -> None:
    assert all(find(name).name == name for name in LAYOUTS)
    with pytest.raises(MartletError, match="layout 'ucihar' is not known; did you mean uci-har"):
        find("ucihar")
