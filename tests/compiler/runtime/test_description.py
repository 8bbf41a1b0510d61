import shutil
from pathlib import Path

import pytest

from martlet.compiler import CompiledNetwork
from martlet.compiler.runtime.description import find
from martlet.errors import MartletError


def test_other_json_files_are_not_meant(copied: Path, tmp_path: Path) -> None:
    (copied / "split.json").write_text("{}")
    assert find(copied) == copied / "tiny.json"
    assert find(tmp_path) is None
    with pytest.raises(MartletError, match="holds no compiled network"):
        CompiledNetwork(tmp_path)
    shutil.copy(copied / "tiny.json", copied / "second.json")
    with pytest.raises(MartletError, match="several compiled networks; name one of second, tiny"):
        CompiledNetwork(copied)
    assert CompiledNetwork(copied, "tiny").description.name == "tiny"
