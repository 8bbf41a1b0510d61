"""Shards at an address, served from this machine."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import scan
from martlet.data.pictures.shards.samples import ShardSamples, read_shards
from martlet.data.pictures.shards.write import write_shards
from martlet.errors import MartletError


class Handler(SimpleHTTPRequestHandler):
    """Notes what is asked for."""

    asked: list[str] = []  # noqa: RUF012

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        self.asked.append(f"{self.command} {self.path}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of shards of the pictures."""
    monkeypatch.setenv("MARTLET_CACHE", str(tmp_path / "cache"))
    write_shards(scan(photos), tmp_path / "out", "x", 60_000)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path / "out"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Handler.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}/x-{{000000..000001}}.tar"
    server.shutdown()
    thread.join()
    server.server_close()


def opened(pattern: str, **options: Any) -> ShardSamples:
    return read_shards(Path(pattern), Preprocess(16), max_bad=0, min_classes=2, **options)


def test_they_are_fetched_once_and_are_the_same(served: str, tmp_path: Path) -> None:
    local = read_shards(
        tmp_path / "out" / "x-{000000..000001}.tar", Preprocess(16), max_bad=0, min_classes=2
    )
    found = opened(served)
    assert (found.names, found.digests, found.labels) == (local.names, local.digests, local.labels)
    assert all((found[n] == local[n]).all() for n in range(len(local)))
    Handler.asked.clear()
    assert opened(served).names == local.names
    assert not [line for line in Handler.asked if line.startswith("GET") and "tar" in line]


def test_more_than_the_limit_is_not_fetched(served: str) -> None:
    with pytest.raises(MartletError, match=r"more than cache_limit allows \(1 kB\); allow more"):
        opened(served, cache_limit=1000)
    assert not [line for line in Handler.asked if line.startswith("GET")]


def test_one_that_is_not_there_is_a_sentence(served: str) -> None:
    with pytest.raises(MartletError, match=r"\.tar' could not be fetched .*404"):
        opened(served.replace("000001", "000099"))
    with pytest.raises(MartletError, match=r"'http://127\.0\.0\.1:9/x\.tar' could not be fetched"):
        opened("http://127.0.0.1:9/x.tar")
