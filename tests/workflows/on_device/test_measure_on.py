"""A network timed on another machine: by stand-ins for ssh and adb, and by a real ssh to here."""

import csv
import getpass
import os
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import martlet
from martlet.errors import MartletError
from martlet.workflows.measured_rows import check_csv
from martlet.workflows.on_device import connection, measure_on
from martlet.workflows.on_device.measure_on import numbers, read_times, record_of, summary
from martlet.workflows.on_device.probe import read_probe

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
# Programs that do here what they would do there; `adb` speaks as old devices do.
STAND_INS = {
    "ssh": 'while [ "$1" != -- ]; do shift; done; shift 2; exec sh -c "$*"',
    "adb": """shift 2
case $1 in
  shell) shift; sh -c "$*" | sed 's/$/\\r/' ;;
  push) cp "$2" "$3" ;;
esac""",
}


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in STAND_INS.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(connection.Adb, "scratch", str(tmp_path))
    return folder


def measured(path: Path, **there: str) -> dict[str, str]:
    (row,) = martlet.measure("shufflenet_v2_x0_5", seconds=0.1, image_size=64, csv=path, **there)
    assert row.rounds == 5
    assert row.calls >= 5
    assert 0 < row.p10_ms <= row.median_ms <= row.p90_ms
    with path.open(encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["network"], line["engine"]) == ("shufflenet_v2_x0_5", "c")
    assert {name: line[name] for name in row.record} == dict(row.record)
    return line


@pytest.mark.slow
def test_through_a_stand_in_for_ssh(stand_ins: Path, tmp_path: Path) -> None:
    line = measured(tmp_path / "times.csv", ssh="pi@board")
    assert line["pinned_to"].isdigit()
    assert line["architecture"] == os.uname().machine
    assert int(line["cores"]) >= 1
    assert not list(Path("/tmp").glob("martlet.??????/bench"))


@pytest.mark.slow
def test_through_a_stand_in_for_adb(
    stand_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        measure_on, "Adb", lambda serial: connection.Adb(serial, scratch=str(tmp_path))
    )
    line = measured(tmp_path / "times.csv", adb="emulator-5554")
    assert line["os"].startswith("Linux")
    assert not list(tmp_path.glob("martlet.*"))


@pytest.mark.slow
def test_a_program_whose_line_broke_ends_by_itself(
    stand_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        measure_on, "Adb", lambda serial: connection.Adb(serial, scratch=str(tmp_path))
    )
    monkeypatch.setattr(measure_on, "PATIENCE_SECONDS", -58.0)  # it is given up after 2 s of 60
    with pytest.raises(MartletError, match=r"^adb='x' did not answer within 2 s"):
        martlet.measure("shufflenet_v2_x0_5", seconds=60.0, image_size=64, adb="x")
    for _ in range(100):
        left = [one for one in Path("/proc").glob("[0-9]*/cmdline") if _runs(one, tmp_path)]
        if not left:
            return
        time.sleep(0.1)
    pytest.fail("it is still running")


def _runs(command: Path, folder: Path) -> bool:
    try:
        words = command.read_bytes().split(b"\0")
    except OSError:
        return False
    return words[0].startswith(os.fsencode(folder)) and words[0].endswith(b"/bench")


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of ssh's own on this machine, for one key; the name that reaches it."""
    if not Path(SSHD).exists() or shutil.which("ssh-keygen") is None:
        pytest.skip("there is no sshd here")
    for name in ("host", "own"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(words, check=True)
    shutil.copy(tmp_path / "own.pub", tmp_path / "allowed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": tmp_path / "host",
        "AuthorizedKeysFile": tmp_path / "allowed", "PidFile": tmp_path / "pid",
        "StrictModes": "no", "UsePAM": "no",
    }  # fmt: skip
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", "/dev/null", *words],
                              stderr=subprocess.DEVNULL)  # fmt: skip
    (tmp_path / "config").write_text(
        f"Host here\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n"
        f" IdentityFile {tmp_path}/own\n StrictHostKeyChecking no\n"
        f" UserKnownHostsFile {tmp_path}/known\n LogLevel ERROR\n"
    )
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "ssh"
    path.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/config "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield "here"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.slow
def test_through_ssh_itself(sshd: str, tmp_path: Path) -> None:
    line = measured(tmp_path / "times.csv", ssh=sshd)
    assert line["architecture"] == os.uname().machine
    with pytest.raises(MartletError, match=r"^ssh='nowhere' refused \(.*; look whether `ssh` reac"):
        martlet.measure("shufflenet_v2_x0_5", ssh="nowhere")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"ssh": "-oProxyCommand=x"}, r"^ssh='-oProxyCommand=x' is not accepted; give a host as"),
        ({"ssh": "a; rm -rf x"}, r"^ssh='a; rm -rf x' is not accepted"),
        ({"adb": "-s"}, r"^adb='-s' is not accepted; give a serial as `adb devices`"),
        ({"ssh": "a", "adb": "b"}, r"^ssh='a' and adb='b' are two machines; give one\.$"),
        ({"ssh": "a", "engines": ["torch"]}, r"^engines=torch is measured here, and ssh times"),
        ({"adb": "a", "roofline": True}, r"^roofline=True is measured here, and adb times engine"),
        (
            {"target": "riscv64"},
            r"^target='riscv64' does not run here, and an emulator's time says",
        ),
        (
            {"target": "native", "ssh": "a"},
            r"^target='native' is of this machine, and another one is",
        ),
        ({"target": "x86-64-v3", "engines": ["torch"]}, r"^target='x86-64-v3' is of engine c, and"),
        ({"seconds": 0.0}, r"^seconds=0\.0 is not accepted; give a number above 0"),
        ({"target": "z80"}, r"^target 'z80' is not known"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(MartletError, match=told):
        martlet.measure("shufflenet_v2_x0_5", **options)


def test_without_the_program_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MartletError, match=r"^adb needs the program adb, which is not there; inst"):
        martlet.measure("shufflenet_v2_x0_5", adb="a")


def test_inputs_are_those_of_the_program() -> None:
    found = numbers(1000)
    assert found.min() >= -1
    assert found.max() < 1
    assert abs(found.mean()) < 0.1
    state = (1 * 1664525 + 1013904223) % 2**32
    assert found[0] == np.float32(state >> 8) / np.float32(8388608) - np.float32(1)


SAID = "pinned 1\noutputs 0.5 -1\n" + 5 * "round 1000000 2000000 1500000\n" + "share 0.5\n"


def test_what_the_program_writes_is_read() -> None:
    read = read_times(SAID, "ssh='a'")
    assert read == (True, [0.5, -1.0], [[1.0, 2.0, 1.5]] * 5, 0.5)
    rounds = read[2]
    found = summary(rounds, 2, 1, {"cpu": "One"})
    assert not summary(rounds, 1, 1, {}, share=0.5).reliable
    assert (found.median_ms, found.calls, found.threads) == (1.5, 15, 2)
    with pytest.raises(MartletError, match=r"^ssh='a': the program gave 4 of 5 rounds of times;"):
        read_times(SAID.rsplit("round", 1)[0], "ssh='a'")


def test_outputs_of_another_computation_are_no_time() -> None:
    with pytest.raises(MartletError, match=r"its outputs are 1\.0e\+00 of the largest one apart"):
        measure_on._compare([0.0], np.array([2.0, 1.0], np.float32), "ssh='a'")


def test_a_record_has_clocks_and_heat_of_both_moments() -> None:
    before = read_probe(
        "machine aarch64\nsystem Linux 6.1\ncore 0 1800000 600000 schedutil\n"
        "core 4 2400000 2400000 performance\nheat 41500 cpu\n",
        "a",
    )
    after = read_probe(
        "machine aarch64\nsystem Linux 6.1\ncore 4 2400000 1900000 performance\nheat 63000 cpu\n",
        "a",
    )
    record = record_of(before, after, [4])
    assert (record["mhz_before"], record["mhz_after"]) == ("2400", "1900")
    assert record["celsius"] == "41.5 to 63.0"
    assert (record["governor"], record["pinned_to"]) == ("performance", "4")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("notes\nmore\n", r"holds something else than rows of measure, or cut ones, and would be"),
        ("network,date\na,b\n", r"holds something else than rows of measure"),
        ("", None),
    ],
)
def test_a_file_that_is_another_is_left_alone(tmp_path: Path, text: str, told: str | None) -> None:
    path = tmp_path / "notes.csv"
    path.write_text(text)
    if told is None:
        check_csv(path)
        return
    with pytest.raises(MartletError, match=told):
        martlet.measure("shufflenet_v2_x0_5", csv=path)
    assert path.read_text() == text


def test_a_place_for_the_rows_is_looked_at_first(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "times.csv"):
        with pytest.raises(MartletError, match=r"is a folder, or lies in none; give a file in a f"):
            martlet.measure("shufflenet_v2_x0_5", csv=path)
