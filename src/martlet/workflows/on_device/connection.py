"""A way to another machine: commands and files by ssh, or by adb."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from martlet.errors import MartletError, shortened

ANSWER_SECONDS = 30.0  # in which a machine must answer a small command
COPY_SECONDS = 600.0
PLAIN = re.compile(r"[A-Za-z0-9_.:@%\[\]/-]+")  # of names; none begins as an option does


class Connection(Protocol):
    """What `measure` needs of another machine."""

    @property
    def name(self) -> str:
        """For sentences."""
        ...

    def run(self, command: str, seconds: float = ANSWER_SECONDS) -> str:
        """Standard output of a shell command there; MartletError when it fails, or takes longer."""
        ...

    def push(self, local: Path, remote: str) -> None:
        """Copy a file there."""
        ...

    @property
    def scratch(self) -> str:
        """A folder there in which programs may be put and run."""
        ...


@dataclass(frozen=True)
class Ssh:
    """A machine by ssh, as `ssh HOST` reaches it: keys and ports are those of ssh's own files."""

    host: str
    scratch: str = "/tmp"

    def __post_init__(self) -> None:
        _check("ssh", self.host, "a host as ssh knows it, such as pi@192.168.1.20")
        _require("ssh", "ssh")

    @property
    def name(self) -> str:
        """For sentences."""
        return f"ssh={self.host!r}"

    def run(self, command: str, seconds: float = ANSWER_SECONDS) -> str:
        return _run(self._words(command), self.name, seconds)

    def push(self, local: Path, remote: str) -> None:
        # Not scp, which wants a server of files that small systems do not have.
        with local.open("rb") as file:
            _run(self._words(f"cat > {quoted(remote)}"), self.name, COPY_SECONDS, file)

    def _words(self, command: str) -> list[str]:
        quiet = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=15"]
        return ["ssh", *quiet, "--", self.host, command]


@dataclass(frozen=True)
class Adb:
    """An Android device by its serial, as `adb devices` shows it."""

    serial: str
    scratch: str = "/data/local/tmp"

    def __post_init__(self) -> None:
        _check("adb", self.serial, "a serial as `adb devices` shows it")
        _require("adb", "adb")

    @property
    def name(self) -> str:
        """For sentences."""
        return f"adb={self.serial!r}"

    def run(self, command: str, seconds: float = ANSWER_SECONDS) -> str:
        # Old devices' adb tells no exit code: the shell prints it last.
        said = _run(
            ["adb", "-s", self.serial, "shell", f"{command}\necho ended $?"], self.name, seconds
        )
        output, _, code = said.rstrip().rpartition("ended ")
        if code.strip() != "0":
            raise MartletError(f"{self.name}: a command failed there ({_first(output)}).")
        return output.replace("\r\n", "\n")

    def push(self, local: Path, remote: str) -> None:
        _run(["adb", "-s", self.serial, "push", str(local), remote], self.name, COPY_SECONDS)


def _check(option: str, value: str, accepted: str) -> None:
    if not PLAIN.fullmatch(value) or value.startswith("-"):
        raise MartletError(f"{option}={value!r} is not accepted; give {accepted}.")


def _require(option: str, program: str) -> None:
    if shutil.which(program) is None:
        raise MartletError(f"{option} needs the program {program}, which is not there; install it.")


def _run(words: Sequence[str], name: str, seconds: float, given: BinaryIO | None = None) -> str:
    """Standard output; `given` is what the program reads."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=seconds,
            stdin=given or subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MartletError(
            f"{name} did not answer within {seconds:g} s; look whether {words[0]} reaches it."
        ) from None
    if done.returncode:
        raise MartletError(
            f"{name} refused ({_first(done.stderr or done.stdout)}); look whether "
            f"`{words[0]}` reaches it, and what may be written and run there."
        )
    return done.stdout


def _first(said: str) -> str:
    """The last line that says something, which is where these programs say what was wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return shortened(lines[-1] if lines else "no reason given", 200).rstrip(".")


def quoted(path: str) -> str:
    """A path as a shell there takes it."""
    return shlex.quote(path)
