import getpass
import json
import platform
from importlib.metadata import version

import numpy as np
import pytest

from martlet.measuring import machine as module
from martlet.measuring.machine import machine


def test_the_record_is_text_and_complete() -> None:
    record = machine()
    assert json.loads(json.dumps(record)) == record
    assert all(isinstance(value, str) and value for value in record.values())
    assert record["numpy"] == np.__version__
    assert record["torch"] == version("torch")
    assert record["python"] == platform.python_version()
    assert 1 <= int(record["usable_cores"]) <= int(record["cores"])


def test_no_name_of_the_host_or_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "node", lambda: "secret-host")
    monkeypatch.setattr(platform, "release", lambda: "6.1.0-secret-host")
    monkeypatch.setattr(getpass, "getuser", lambda: "secret-host")
    text = json.dumps(machine())
    assert "secret-host" not in text
    assert "6.1.0" in text


def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIBRARIES", ("martlet", "no-such-library"))
    record = machine()
    assert record["no-such-library"] == "not installed"
    assert record["martlet"] == version("martlet")
