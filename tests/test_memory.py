from pathlib import Path

import pytest

from martlet import memory
from martlet.errors import MartletError


def test_there_is_some_and_what_needs_more_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert memory.available_bytes() is None or memory.available_bytes() > 10**6
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * 10**9)
    memory.require_memory(2 * 10**9, "it", "do less")
    with pytest.raises(MartletError) as caught:
        memory.require_memory(3 * 10**9, "training", "give a smaller image_size")
    assert str(caught.value) == (
        "training needs 3.0 GB of memory at least, and 2.0 GB are free; give a smaller image_size."
    )
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    memory.require_memory(10**30, "it", "do less")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (5, "5 bytes"),
        (50_400, "50 kB"),
        (12_300_000, "12 MB"),
        (10**10, "10.0 GB"),
        (10**400, "more than a million GB"),
    ],
)
def test_in_words(size: int, words: str) -> None:
    assert memory.in_words(size) == words


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    for name, content in (
        ("memory.max", "1000000"),
        ("memory.current", "700000"),
        ("memory.stat", "anon 300000\ninactive_file 400000\n"),
    ):
        (tmp_path / name).write_text(content)
    assert memory.available_bytes() == 700_000
    (tmp_path / "memory.max").write_text("max")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "nowhere")
    assert memory.available_bytes() != 700_000


def test_large_inputs_are_scored_a_few_at_a_time() -> None:
    for side in (1, 224, 512, 590):
        assert memory.eval_batch_size((3, side, side), 64) == 64
        assert memory.eval_batch_size((3, side, side), 32) == 32
    assert memory.eval_batch_size((3, 4096, 4096), 64) == 1
    assert memory.eval_batch_size((30, 10**4, 10**4), 64) == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("1.5 gb", 1_500_000_000),
        ("20k", 20_000),
        ("7", 7),
        ("2TB", 2 * 10**12),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert memory.bytes_of("size", text) == size


@pytest.mark.parametrize("text", ["", "MB", "-3MB", "0", "5 XB", "9" * 30, "1e9"])
def test_a_size_that_is_none_is_a_sentence(text: str) -> None:
    with pytest.raises(
        MartletError, match=r"^size='.*' is not accepted; give a size, as 320kB, 500MB"
    ):
        memory.bytes_of("size", text)
