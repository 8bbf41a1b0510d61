"""`demo`: the main job from end to end, on data that need no download."""

from pathlib import Path
from typing import Annotated, Literal

from martlet.arguments import typed
from martlet.workflows.run_folder import Run


@typed
def demo(
    which: Annotated[
        Literal["pictures", "scenes", "series", "boxes"],
        "Kind of data: scanned digits, or a scene, recordings, or shapes with boxes, made on the "
        "spot.",
    ] = "pictures",
    /,
    *,
    folder: Annotated[Path, "Where run folders lie."] = Path("runs"),
    epochs: Annotated[
        int | None, "Times that the network sees every training input (default: 15; boxes: 24)."
    ] = None,
    quiet: Annotated[bool, "Print nothing."] = False,
) -> Run:
    """Do the main job from end to end on scanned digits, a scene, recordings, or shapes with boxes.

    Train, evaluate, measure, export, verify, predict, in about a minute on two cores, of boxes in
    two: 1,797 pictures from scikit-learn, a scene of mixed spectra with fields, noise and a label
    map, recordings of simulated motions, or shapes on textures.
    Files are written first, so what runs is exactly what runs on data of your own. A new run
    folder is made each time: demo, demo-2, …
    """
    from martlet.api.train import train
    from martlet.workflows.demo import boxes as demo_boxes
    from martlet.workflows.demo import demo
    from martlet.workflows.demo import scenes as demo_scenes
    from martlet.workflows.demo import series as demo_series

    tours = {
        "pictures": (demo.tour, 15),
        "scenes": (demo_scenes.tour, 15),
        "series": (demo_series.tour, 15),
        "boxes": (demo_boxes.tour, 24),
    }
    tour, usual = tours[which]
    return tour(train, folder, usual if epochs is None else epochs, quiet)
