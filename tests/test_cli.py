import json
import subprocess
import sys
from pathlib import Path

import pytest

from swiftlet import cli


def swiftlet(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "swiftlet", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[int, str, str]:
    """The command within this process: exit code, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["swiftlet", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err
