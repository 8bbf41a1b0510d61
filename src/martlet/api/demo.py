"""`demo`: the main job from end to end, on the scanned digits that come with scikit-learn."""

from pathlib import Path
from typing import Annotated

from martlet.arguments import typed
from martlet.workflows.run_folder import Run


@typed
def demo(
    *,
    folder: Annotated[Path, "Where run folders lie."] = Path("runs"),
    epochs: Annotated[int, "Times that the network sees every training picture."] = 15,
    quiet: Annotated[bool, "Print nothing."] = False,
) -> Run:
    """Do the main job from end to end on scanned digits.

    Train, evaluate, measure, export, verify, predict: 1,797 pictures from scikit-learn, about a
    minute on two cores. The digits are written as picture files first, so what runs is exactly
    what runs on pictures of your own. A new run folder is made each time: demo, demo-2, …
    """
    from martlet.api.train import train
    from martlet.workflows.demo import tour

    return tour(train, folder, epochs, quiet)
