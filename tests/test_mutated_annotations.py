"""Annotations in every layout, a file mutated with a fixed seed: a sentence or an answer."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.boxed import LAYOUTS
from tests.mutated import Counts, mutated_bytes, mutated_json

from martlet.data.boxes.read import BoxListing, read_boxes

WORDS = (
    *("-1", "0", "1e400", "nan", "-inf", "99999999999999999999", "0.5", "640", "", " ", "é", "\0"),
    *(
        "&a;",
        "<a>",
        "</object>",
        "]]>",
        "{",
        "[",
        '"',
        ",",
        ";",
        "\n",
        "\r",
        "\t",
        "- ",
        ": ",
        "*a",
    ),
    *("../", "\\", "names", "train", "test", "cat", "a.png", "\ud800", "\ufeff", "1_0", "٣"),
)
XML = (
    '<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    '<!DOCTYPE annotation [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    '<!DOCTYPE annotation SYSTEM "annotation.dtd">',
    '<?xml version="1.0" encoding="windows-1252"?>',
    '<?xml version="1.0" encoding="utf-7"?>',
    '<?xml version="1.0" encoding="utf-16"?>',
    "<a>" * 3000,
)


def mutated(path: Path, draw: random.Random) -> bytes:
    """Bytes, words, lines or values are others; all of a kind that people's tools make too."""
    content, kind = path.read_bytes(), draw.random()
    if path.suffix == ".json" and kind > 0.5:
        return mutated_json(json.loads(content), draw).encode("utf-8", "surrogatepass")
    if path.suffix == ".xml" and kind > 0.85:
        return draw.choice(XML).encode() + content
    if kind < 0.2 or not content:
        return mutated_bytes(content or b" ", draw)
    if kind < 0.25:
        return content.decode().encode(draw.choice(("utf-16", "latin-1", "utf-8-sig")), "replace")
    text = content.decode()
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        start = draw.randrange(len(text) + 1)
        end = min(len(text), start + draw.choice((0, 0, 1, 2, 5, 20)))
        text = text[:start] + draw.choice(WORDS) + text[end:]
    return text.encode("utf-8", "surrogatepass")


def check(found: BoxListing) -> None:
    """What every listing holds to, whatever it was read from."""
    assert found.pictures
    assert len(found.pictures) == len(found.boxes) == len(found.sizes) == len(found.parts)
    assert sum(len(boxes.labels) for boxes in found.boxes)
    for (width, height), boxes in zip(found.sizes, found.boxes, strict=True):
        left, top, right, bottom = boxes.corners.T
        assert np.isfinite(boxes.corners).all()
        assert ((left >= 0) & (left < right) & (right <= width)).all()
        assert ((top >= 0) & (top < bottom) & (bottom <= height)).all()
        assert ((boxes.labels >= 0) & (boxes.labels < len(found.classes))).all()
        assert boxes.crowd.shape == boxes.labels.shape
    assert len(set(found.classes)) == len(found.classes)
    for name in (*found.classes, *found.notes):
        assert "\n" not in name
        assert len(name.encode()) < 600


@pytest.mark.parametrize("count", [5, pytest.param(125, marks=pytest.mark.slow)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_annotations(
    tmp_path: Path, layout: str, count: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the slow form 1,000 over all layouts."""
    good = tmp_path / "good"
    pictures, annotations = (path.relative_to(good) for path in LAYOUTS[layout](good))
    files = sorted(path for path in good.rglob("*") if path.is_file() and path.suffix != ".png")
    counts = Counts()
    for seed in range(count):
        draw, root = random.Random(f"{layout} {seed}"), tmp_path / "changed"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(good, root)
        path = root / draw.choice(files).relative_to(good)
        path.write_bytes(mutated(path, draw))
        found = counts.try_out(lambda root=root: read_boxes(root / pictures, root / annotations))
        if found is not None:
            check(found)
    counts.show(layout)
    assert sum(counts.ends.values()) == count
    out, err = capfd.readouterr()
    assert (out.count("\n"), err) == (1, "")
