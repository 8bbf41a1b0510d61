"""What all tests share: real data where there is some, and a pixel cache of their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, and no clock: a busy machine fails nothing.
settings.register_profile("swiftlet", deadline=None, derandomize=True, database=None)
settings.load_profile("swiftlet")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real data sets: $SWIFTLET_TEST_DATA, else shared/data beside the checkout."""
    chosen = os.environ.get("SWIFTLET_TEST_DATA")
    folder = Path(chosen) if chosen else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; set SWIFTLET_TEST_DATA to a folder that has some")
    return folder


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' pixel caches out of the user's cache folder, in subprocesses too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SWIFTLET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
