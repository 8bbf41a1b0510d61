import os
from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.storage.caches import cache_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX names")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MARTLET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"MARTLET_CACHE": "/x/y", "XDG_CACHE_HOME": "/xdg"}, "/x/y"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/martlet"),
        ({"HOME": "/home/me"}, "/home/me/.cache/martlet"),
    ],
)
def test_cache_folder(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(expected)


def test_no_home_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(MartletError, match="no home folder; set MARTLET_CACHE"):
        cache_folder()
