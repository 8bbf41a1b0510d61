"""What the end of `train` adds for a scene: the map that its network makes of it."""

from pathlib import Path
from typing import Any

from martlet.console.progress import Voice
from martlet.data.kind import Samples
from martlet.data.scenes.samples import SceneSamples
from martlet.errors import MartletError
from martlet.report.class_colours import class_colours
from martlet.storage.claim import claimed
from martlet.workflows.open_network import open_network
from martlet.workflows.predict_scene import map_of
from martlet.workflows.run_folder import MAP

MOST_MAPPED = 1_000_000  # pixels: about a minute on two cores


def of_scene(samples: Samples) -> dict[str, Any]:
    """Metrics of a scene: its classes' colours, so that all its maps have the same."""
    if not isinstance(samples, SceneSamples):
        return {}
    return {"colours": class_colours(len(samples.classes), samples.colours)}


def map_scene(folder: Path, samples: Samples, device: str, voice: Voice) -> None:
    """Label the whole scene that a run was trained on; a report is made without it, too."""
    if not isinstance(samples, SceneSamples):
        return
    rows, columns, _ = samples.scene.shape
    if rows * columns > MOST_MAPPED:
        voice.say(f"a scene of {rows:,} × {columns:,} pixels is mapped by `martlet predict`.")
        return
    try:
        with claimed(folder / MAP):
            map_of(open_network(folder, device), samples.scene, folder / MAP, voice, titled=False)
    except MartletError as error:
        voice.say(f"no map of the scene: {error}")
