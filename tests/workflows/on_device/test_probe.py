"""What machines say of themselves, and what is compiled for them."""

import pytest

from martlet.errors import MartletError
from martlet.workflows.on_device.probe import read_probe

PHONE = """machine aarch64
system Linux 5.10.66-android12
core 0 1785600 300000 schedutil
core 1 1785600 300000 schedutil
core 6 2419200 710400 schedutil
core 7 2841600 844800 schedutil
heat 38200 cpu-0-0-usr
heat -274000 modem
heat 45100 cpu-1-7-usr
Hardware\t: Qualcomm Technologies, Inc SM8350
Features\t: fp asimd evtstrm aes
MemTotal:        7707684 kB
load 3.10 2.90 2.80 2/3044 12345
product Pixel 6
"""


def test_a_phone() -> None:
    found = read_probe(PHONE, "adb='a'")
    assert (found.cpu, found.machine, found.celsius) == ("Pixel 6", "aarch64", 45.1)
    assert (found.memory_gib, found.load) == ("7.4", "3.10")
    assert [core.number for core in found.fastest(2)] == [7, 6]
    assert found.cores[-1].most_mhz == 2841.6
    assert found.target.name == "aarch64"


@pytest.mark.parametrize(
    ("machine", "line", "target"),
    [
        ("x86_64", "flags\t: fpu avx2 fma", "x86-64-v3"),
        ("x86_64", "flags\t: avx2 fma avx512f avx512dq avx512bw avx512vl", "x86-64-v4"),
        ("riscv64", "isa\t: rv64imafdcv_zicsr", "riscv64"),
        ("arm64", "", "aarch64"),
    ],
)
def test_a_target_fits_the_processor(machine: str, line: str, target: str) -> None:
    found = read_probe(f"machine {machine}\nsystem Linux 6.1\n{line}\n", "a")
    assert found.target.name == target
    assert found.celsius is None
    assert found.cpu == "unknown"


@pytest.mark.parametrize(
    ("machine", "line"),
    [("armv7l", ""), ("x86_64", "flags\t: fpu sse2"), ("riscv64", "isa\t: rv64imafdc")],
)
def test_others_have_none(machine: str, line: str) -> None:
    found = read_probe(f"machine {machine}\nsystem Linux 6.1\n{line}\n", "a")
    with pytest.raises(MartletError, match=rf"^its processor \({machine}\) is none that C is made"):
        _ = found.target


def test_another_system_is_refused() -> None:
    with pytest.raises(MartletError, match=r"^ssh='a' runs Darwin 23\.1; Linux and Android can"):
        read_probe("machine arm64\nsystem Darwin 23.1\n", "ssh='a'")
    with pytest.raises(MartletError, match=r"runs something that does not say what it is; Linux"):
        read_probe("welcome\n", "ssh='a'")
