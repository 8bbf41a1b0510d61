import pytest

from martlet.errors import MartletError
from martlet.workflows.device import choose_device


@pytest.mark.parametrize("name", ["cpu:foo", "cpu:-1", "cpu:", "tpu", ""])
def test_devices_that_are_none(name: str) -> None:
    with pytest.raises(MartletError, match=f"device='{name}' is not "):
        choose_device(name)
