"""How `predict` labels a whole scene: strip by strip, on from where an earlier try ended."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.console.progress import Voice
from martlet.data.scenes.contents import Colour
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.scene import Scene, read_scene
from martlet.data.scenes.strips import strips
from martlet.data.scenes.write_map import UNLABELLED, write_map
from martlet.errors import MartletError
from martlet.inference import Network, softmax
from martlet.report.class_colours import class_colours
from martlet.report.scene_maps import draw_map, draw_probability
from martlet.tasks.rejection import UNKNOWN
from martlet.workflows.map_files import CLASSES, LEGEND, PROBABILITY, MapFiles, check_place
from martlet.workflows.predict_folders import in_folders

UNKNOWN_COLOUR = "#9AA0A6"  # none of `class_colours`
MOST_DRAWN = 2000  # rows and columns of a picture; of a larger scene every second pixel, or less


@dataclass(frozen=True)
class SceneMap:
    """The map of a scene.

    path: of the scene.
    folder: classes.npy, probability.npy, classes.csv, pictures, and GeoTIFF or ENVI files where the
        scene has coordinates.
    pixels: how many pixels each class has, by name; those without a spectrum have none.
    error: why there is no map; then the rest is empty.
    """

    path: str
    folder: Path | None = None
    pixels: tuple[tuple[str, int], ...] = ()
    error: str | None = None

    @property
    def classes(self) -> NDArray[Any]:
        """(rows, columns): number of a class from 1 on, in the network's order; 0: no spectrum.

        Where unknown pixels were asked for, theirs is the number behind the last class.
        """
        return self._array(CLASSES)

    @property
    def probability(self) -> NDArray[np.float32]:
        """(rows, columns) of that class; 0 where there is none."""
        return self._array(PROBABILITY)

    def _array(self, name: str) -> NDArray[Any]:
        if self.folder is None:
            raise MartletError(f"there is no map of {self.path}: {self.error}")
        found: NDArray[Any] = np.load(self.folder / name, mmap_mode="r")
        return found


def predict_scenes(
    network: Network,
    scenes: Sequence[Any],
    *,
    output: Path | None,
    array: str | None,
    bands_axis: int | None,
    unknown: bool = False,
    quiet: bool,
) -> list[SceneMap]:
    """A map of each scene; one that cannot be read has `error` set.

    unknown: pixels below the network's threshold are a class more, behind its own.

    Raises MartletError when it is not clear where the maps should lie.
    """
    voice, preprocess = Voice(quiet), network.preprocess
    assert isinstance(preprocess, ScenePreprocess)

    def read(path: Any) -> Callable[[Path], SceneMap]:
        scene = read_scene(path, array=array, bands_axis=bands_axis)
        preprocess.check_bands(scene.shape[2])
        if scene.scaled:
            voice.say(f"{path}: {scene.scaled}.")
        return lambda folder: map_of(network, scene, folder, voice, unknown=unknown)

    return in_folders(
        network,
        scenes,
        output,
        noun="scene",
        made="map",
        read=read,
        failed=lambda path, error: SceneMap(path, error=error),
    )


def map_of(
    network: Network,
    scene: Scene,
    folder: Path,
    voice: Voice,
    *,
    titled: bool = True,
    unknown: bool = False,
) -> SceneMap:
    """Label every pixel; memory is taken for one strip, the maps lie in files.

    titled: the scene's name stands above the pictures; a report has titles of its own.
    unknown: pixels below the network's threshold are a class more, behind its own.
    """
    check_place(folder, scene.path)
    rows, columns, _ = scene.shape
    names = (*network.classes, UNKNOWN) if unknown else network.classes
    kind = np.uint8 if len(names) < 256 else np.uint16
    files = MapFiles(folder, (rows, columns), kind, _key(network, scene, unknown))
    with files.opened() as (start, maps):
        if start:
            voice.say(f"{folder} holds rows 0 to {start - 1} of an earlier try: going on.")
        with voice.counting("rows labelled") as count:
            for first, last, numbers, sure in _answers(network, scene, start, unknown):
                maps.write(first, numbers, sure)
                count(last, rows)
    with files.replacing() as inside:
        classes, probability = (
            np.load(files.growing(name), mmap_mode="r") for name in (CLASSES, PROBABILITY)
        )
        total = np.zeros(len(names) + 1, np.int64)
        for row in classes:
            total += np.bincount(row, minlength=len(total))
        counts = total.tolist()
        colours = colours_of(network) + [UNKNOWN_COLOUR] * unknown
        legend = list(zip(names, colours, strict=True))
        _write_rest(inside, classes, probability, counts, legend, scene, titled)
    pixels = tuple(zip(names, counts[1:], strict=True))
    return SceneMap(str(scene.path), folder, pixels)


def _answers(
    network: Network, scene: Scene, start: int, unknown: bool
) -> Iterator[tuple[int, int, NDArray[Any], NDArray[np.float32]]]:
    """First and last row, number of the class, and its probability, of each strip.

    An unknown pixel has the number behind the last class, and the probability of its best guess.
    """
    preprocess = network.preprocess
    assert isinstance(preprocess, ScenePreprocess)
    for strip in strips(network.logits, scene, preprocess, any_size=network.any_size, start=start):
        if not np.isfinite(strip.logits).all():
            raise MartletError(
                f"the network's output for {scene.path} is not a number in rows {strip.first} to "
                f"{strip.last - 1}."
            )
        sure = softmax(np.moveaxis(strip.logits, 0, -1)).max(-1).astype(np.float32)
        numbers = strip.logits.argmax(0) + 1
        if unknown:
            below = network.threshold().is_unknown(strip.logits, axis=0)
            numbers = np.where(below, len(network.classes) + 1, numbers)
        numbers = np.where(strip.held, numbers, 0)
        yield strip.first, strip.last, numbers, np.where(strip.held, sure, np.float32(0))


def _key(network: Network, scene: Scene, unknown: bool) -> Any:
    """What makes a map: the same scene and network give the same one."""
    files = sorted(network.path.iterdir()) if network.path.is_dir() else [network.path]
    stats = [(str(path), path.stat()) for path in (*files, scene.path) if path.is_file()]
    known = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    key = [known, list(scene.shape), network.preprocess.to_dict().get("tile")]
    return [*key, UNKNOWN] if unknown else key


def _write_rest(
    folder: Path,
    classes: NDArray[Any],
    probability: NDArray[np.float32],
    counts: Sequence[int],
    legend: Sequence[tuple[str, str]],
    scene: Scene,
    titled: bool,
) -> None:
    """The legend, pictures, and files with the scene's coordinates.

    counts: pixels without a class, then those of each class.
    legend: name and colour of each class, "#0072B2".
    """
    step = max(1, max(classes.shape) // MOST_DRAWN)
    shown = classes[::step, ::step]
    names, hexes = [name for name, _ in legend], [colour for _, colour in legend]
    colours = [rgb(colour) for colour in hexes]
    with (folder / LEGEND).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["number", "class", "pixels", "red", "green", "blue"])
        for number, name in enumerate((UNLABELLED, *names)):
            colour = colours[number - 1] if number else (0, 0, 0)
            rows.writerow([number, name, counts[number], *colour])
    title = scene.path.name if titled else ""
    draw_map(shown.astype(int) - 1, names, hexes, folder / "classes.png", title)
    draw_probability(probability[::step, ::step], folder / "probability.png", title)
    if scene.georeference is not None:
        write_map(folder, classes, probability, names, colours, scene.georeference)


def colours_of(network: Network) -> list[str]:
    """Of the classes: those of the label map that it was trained with, where they are known."""
    usual = class_colours(len(network.classes))
    given = network.meta.get("colours")
    if not isinstance(given, list) or len(given) != len(usual):
        return usual
    return [
        own if isinstance(own, str) and re.fullmatch("#[0-9A-Fa-f]{6}", own) else other
        for own, other in zip(given, usual, strict=True)
    ]


def rgb(colour: str) -> Colour:
    """Of "#0072B2"."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
