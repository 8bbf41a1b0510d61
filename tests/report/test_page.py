import base64
import dataclasses
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.report.confusion import draw_confusion
from martlet.report.curves import draw_curves
from martlet.report.layers import Bar, draw_layers
from martlet.report.page import CostTotals, Page, page_html, write_page
from martlet.report.predictions import Shown, draw_predictions

VOID = {"meta", "link", "img", "br", "hr", "input"}
CLASSES = ["cat", "<script>alert(1)</script>", "a&b \"quoted\" 'x'", "貓_$x$"]

LATENCY = {
    "engine": "torch",
    "threads": 2,
    "batch": 64,
    "median_ms": 123.4,
    "p10_ms": 120.0,
    "p90_ms": 140.0,
    "reliable": True,
}
HISTORY = [{"epoch": 1, "train_loss": 1.0, "val_top1": 0.5}]
SHOWN = Shown(np.zeros((8, 8, 3), np.uint8), CLASSES[1], CLASSES[3], 0.9, "<b>.jpg")


def class_row(name: str, precision: float, recall: float, f1: float, support: int) -> dict:
    return {"class": name, "precision": precision, "recall": recall, "f1": f1, "support": support}


class Parsed(HTMLParser):
    """Tags with their attributes, texts by section, and whether all tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.section = ""
        self.texts: dict[str, str] = {}
        self.cells: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"]
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "section":
            self.section = ""

    def handle_data(self, data):
        self.texts[self.section] = self.texts.get(self.section, "") + data
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1][-1] += data

    def found(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("run")
    draw_curves(HISTORY, folder / "curves.png")
    matrix = np.diag([9, 8, 7, 6])
    matrix[3, 1], matrix[3, 2] = 4, 2
    draw_confusion(matrix, CLASSES, folder / "confusion.png")
    draw_predictions([SHOWN], folder / "predictions.png")
    return Page(
        name="<run> & $1$",
        network="shufflenet_v2_x0_5",
        correct=30,
        total=36,
        balanced_accuracy=0.8123,
        classes=CLASSES,
        counts={"train": [10, 20, 30, 40], "val": [1, 2, 3, 4], "test": [9, 8, 7, 12]},
        odd=["bad <file>.jpg is truncated"],
        curves=folder / "curves.png",
        confusion=folder / "confusion.png",
        predictions=folder / "predictions.png",
        per_class=[
            class_row(name, 0.91, 0.82, 0.8627, support)
            for name, support in zip(CLASSES, [9, 8, 7, 12], strict=True)
        ],
        cost=CostTotals(350_282, 41_234_567, 5_234_321, (1, 3, 32, 32), "relu 37, <cat> 16"),
        latency=[LATENCY],
        recipe={"epochs": 30, "learning_rate": 0.05, "flip": True, "note": "<i>", "none": None},
        machine={"cpu": "Some CPU <2 cores>"},
        versions={"torch": "2.15.0"},
        command="martlet train 'my <photos>' --seed 0",
    )


@pytest.fixture(scope="module")
def parsed(page: Page) -> Parsed:
    return Parsed(page_html(page))


def test_the_sections_are_there_in_order(parsed):
    assert [attributes["id"] for attributes in parsed.found("section")] == [
        "result", "data", "curves", "confusion", "predictions", "classes", "cost", "reproduce",
        "recipe", "machine", "versions",
    ]  # fmt: skip
    assert len(parsed.found("h1")) == len(parsed.found("main")) == 1
    assert len(parsed.found("h2")) == len(parsed.found("section"))


def test_maps_of_a_scene_are_shown_at_one_scale(page: Page, tmp_path: Path) -> None:
    widths = {"scene": 300, "truth": 400, "split": 500, "spectra": 900}
    for name, width in widths.items():
        Image.new("RGB", (width, 200)).save(tmp_path / f"{name}.png")
    maps = [(name, tmp_path / f"{name}.png") for name in ("scene", "truth", "split")]
    shown = Parsed(
        page_html(dataclasses.replace(page, maps=maps, spectra=tmp_path / "spectra.png"))
    )
    styles = {tag["alt"].partition(".")[0]: tag["style"] for tag in shown.found("img")}
    assert [styles[name].rpartition(";")[2] for name, _ in maps] == [
        *("width:60.00%", "width:80.00%", "width:100.00%")
    ]
    (grid,) = [tag for tag in shown.found("div") if tag.get("class") == "maps"]
    assert grid["style"] == "--widest:500px"
    for title in (*widths.keys() - {"spectra"}, "Spectra of the classes"):
        assert title in shown.texts["scene"]


def test_the_result_is_said_with_its_interval_and_its_weakness(parsed):
    told = parsed.texts["result"].replace("\u00a0", " ")
    assert "names 30 of 36 test pictures right: 83.3 % (95 % interval 68.1 % to 92.1 %)" in told
    assert "81.2 %" in told
    assert "Only 36 pictures were scored" in told
    assert "chose the checkpoint" not in told


def test_a_figure_from_the_choosing_part_says_so(page):
    told = Parsed(page_html(dataclasses.replace(page, part="val", chose_checkpoint=True))).texts[
        "result"
    ]
    assert "validation pictures" in told
    assert "also chose the checkpoint" in told


def test_every_class_has_its_rows(parsed):
    assert ["#", "class", "training", "validation", "test"] in parsed.cells
    for label, (name, test) in enumerate(zip(CLASSES, [9, 8, 7, 12], strict=True)):
        assert [str(label), name, f"{label + 1}0", str(label + 1), str(test)] in parsed.cells
        row = [str(label), name, "91.0\u00a0%", "82.0\u00a0%", "86.3\u00a0%", str(test)]
        assert row in parsed.cells
    assert (
        "146 pictures in 4 classes: 100 training, 10 validation, 36 test." in (parsed.texts["data"])
    )
    assert "bad <file>.jpg is truncated" in parsed.texts["data"]


def test_cost_and_latency_are_given_in_short_and_exactly(parsed):
    told = parsed.texts["cost"].replace("\u00a0", " ")
    for figure in ("350 k", "350,282", "41.2 M", "41,234,567", "5.23 M", "5,234,321"):
        assert figure in told
    assert "1 × 3 × 32 × 32" in told
    assert "Operators without MACs: relu 37, <cat> 16." in told
    assert ["torch", "2", "64", "123.4", "120.0 – 140.0", "519"] in parsed.cells
    assert "Not reliable" not in told


def test_times_of_a_busy_machine_are_marked(page: Page, tmp_path: Path) -> None:
    busy = dataclasses.replace(page, latency=[LATENCY, {**LATENCY, "reliable": False}])
    write_page(tmp_path / "report.html", busy)
    parsed = Parsed((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Not reliable" in parsed.texts["cost"]


def test_recipe_machine_versions_and_command_are_given(parsed):
    for piece in ("epochs", "30", "0.05", "yes", "<i>", "–"):
        assert piece in parsed.texts["recipe"]
    assert "Some CPU <2 cores>" in parsed.texts["machine"]
    assert "2.15.0" in parsed.texts["versions"]
    assert "martlet train 'my <photos>' --seed 0" in parsed.texts["reproduce"]


def test_names_are_escaped_everywhere(page, parsed):
    text = page_html(page)
    assert "<script" not in text.lower()
    assert "<photos>" not in text
    assert "<run>" not in text
    assert {tag for tag, _ in parsed.tags} <= {
        "html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer",
        "section", "h1", "h2", "h3", "p", "dl", "div", "dt", "dd", "i", "b", "span", "table",
        "thead", "tbody", "tr", "th", "td", "ul", "li", "figure", "figcaption", "img", "pre",
        "code",
    }  # fmt: skip
    (image,) = (a for a in parsed.found("img") if "Confusion" in a["alt"])
    assert f"{CLASSES[3]} taken for {CLASSES[1]} (4 of 12)" in image["alt"]
    assert f"{CLASSES[3]} taken for {CLASSES[2]} (2 of 12)" in image["alt"]


def test_the_pictures_are_inside_and_are_the_files(page, parsed):
    images = parsed.found("img")
    files = [page.curves, page.confusion, page.predictions]
    for attributes, path in zip(images, files, strict=True):
        kind, _, data = attributes["src"].partition(",")
        assert kind == "data:image/png;base64"
        content = base64.b64decode(data, validate=True)
        assert content == Path(path).read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            assert image.format == "PNG"
            ratio = int(attributes["width"]) / int(attributes["height"])
            assert ratio == pytest.approx(image.width / image.height, rel=0.01)
        assert attributes["alt"]
    assert "Best validation accuracy: 50.0 % in epoch 1." in parsed.texts["curves"]
    assert "1 picture, 1 of them wrong" in parsed.texts["predictions"]


def test_nothing_is_loaded_and_nothing_runs(page, parsed):
    for tag, attributes in parsed.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "srcset", "action", "data", "poster"):
                assert value.startswith("data:"), (tag, value)
    text = page_html(page)
    for piece in ("http:", "https:", "//cdn", "@import", "url(", "<iframe", "javascript:"):
        assert piece not in text
    (policy,) = (
        a["content"]
        for a in parsed.found("meta")
        if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy


def test_it_fits_a_phone_and_the_dark(parsed):
    assert {"viewport", "color-scheme"} <= {a.get("name") for a in parsed.found("meta")}
    # What is wide scrolls in its own box, which a keyboard can reach.
    boxes = [a for a in parsed.found("div") if a.get("class") == "scroll"]
    assert len(boxes) == len(parsed.found("table")) + len(parsed.found("img"))
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)


def test_long_tables_are_folded_below_the_weakest_classes(page):
    names = [f"class {number}" for number in range(100)]
    rows = [class_row(name, 0.5, 0.5, 1 - number / 100, 9) for number, name in enumerate(names)]
    many = dataclasses.replace(page, classes=names, counts={"test": [9] * 100}, per_class=rows)
    found = Parsed(page_html(many))
    assert len(found.found("details")) == 2
    shown = [row[1] for row in found.cells if len(row) == 6 and row[1].startswith("class ")]
    assert shown[:10] == [f"class {number}" for number in range(99, 89, -1)]
    assert len(shown) == 10 + 100


def test_a_page_may_hold_nothing_but_a_result():
    found = Parsed(page_html(Page("run", "net", 0, 0)))
    assert [a["id"] for a in found.found("section")] == ["result"]
    assert "was not scored" in found.texts["result"]


def test_many_odd_files_are_cut_and_counted(page):
    told = Parsed(
        page_html(dataclasses.replace(page, odd=[f"file {number}" for number in range(50)]))
    ).texts["data"]
    assert "file 19" in told
    assert "file 20" not in told
    assert "30 more" in told


def test_the_file_is_written_whole_and_in_utf8(page, tmp_path):
    odd = dataclasses.replace(page, odd=["name of odd bytes: \udce9.jpg, \x1b[2J\u202e"])
    write_page(tmp_path / "report.html", odd)
    text = (tmp_path / "report.html").read_bytes().decode("utf-8")
    assert "貓_$x$" in text
    assert "odd bytes: \ufffd.jpg, \ufffd[2J\ufffd" in text
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_counts_that_do_not_fit_the_classes_are_an_error(page):
    with pytest.raises(MartletError, match=r"counts\['test'\] has 2 entries; 4 classes"):
        page_html(dataclasses.replace(page, counts={"test": [1, 2]}))


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format="JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("content", [None, b"", b"no picture", jpeg()])
def test_a_picture_that_cannot_be_read_is_an_error_and_the_old_page_stays(page, tmp_path, content):
    path = tmp_path / "curves.png"
    if content is not None:
        path.write_bytes(content)
    (tmp_path / "report.html").write_text("old")
    with pytest.raises(MartletError, match=r"curves\.png could not be read"):
        write_page(tmp_path / "report.html", dataclasses.replace(page, curves=path))
    assert (tmp_path / "report.html").read_text() == "old"


@pytest.mark.parametrize("kind", ["page", "curves", "confusion", "predictions", "layers"])
def test_a_full_disk_leaves_the_old_file_whole(page, kind, full_disk, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    write = {
        "page": lambda: write_page(path, page),
        "curves": lambda: draw_curves(HISTORY, path),
        "confusion": lambda: draw_confusion(np.eye(2, dtype=int), ["a", "b"], path),
        "predictions": lambda: draw_predictions([SHOWN], path),
        "layers": lambda: draw_layers([Bar("a", "", 1.0, 1.0)], 1.0, "", path),
    }[kind]
    with full_disk(1000), pytest.raises(MartletError, match="File too large"):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
