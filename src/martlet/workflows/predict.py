"""How `predict` finds the pictures and the network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from martlet.data import kinds
from martlet.data.boxes.kind import BOXES
from martlet.data.pictures.kind import PICTURES
from martlet.data.pictures.list_file import Columns
from martlet.data.pictures.sources import find_sources
from martlet.errors import MartletError
from martlet.inference.views import over_views
from martlet.only_for import Limited, refuse_others
from martlet.workflows.open_network import open_network


def answers(
    run: Path,
    sources: Sequence[Any],
    top: int,
    device: str,
    options: Mapping[str, Any],
    given: Limited | None = None,
) -> list[Any]:
    """The answers of `predict`, as the network's kind of data has them.

    options: output, threshold, per_class, coco_ids, array, bands_axis, smooth, path_column, root,
    tta, unknown and quiet; given: of all options those that some kinds of data alone have. Raises
    MartletError for those of another kind, and for unknown where the network has no threshold.
    """
    network = open_network(run, device)
    kind = kinds.find(network.preprocess.kind)
    refuse_others(given or {}, data=kind.data, taker=run)
    output, quiet = options.get("output"), bool(options.get("quiet"))
    unknown = bool(options.get("unknown"))
    if unknown and kind.name == BOXES.name:
        raise MartletError(
            f"unknown=True is for networks that name classes, and {run} finds boxes; leave it out, "
            "and give threshold, below which no box is shown."
        )
    if unknown:
        network.threshold()  # refused before anything is read
    if kind.name == "cube":
        from martlet.workflows.predict_scene import predict_scenes

        array, axis = options.get("array"), options.get("bands_axis")
        return list(
            predict_scenes(
                network,
                sources,
                output=output,
                array=array,
                bands_axis=axis,
                unknown=unknown,
                quiet=quiet,
            )
        )
    if kind.name == "series":
        from martlet.workflows.predict_series import predict_recordings

        smooth = options.get("smooth")
        return list(
            predict_recordings(
                network, sources, output=output, smooth=smooth, unknown=unknown, quiet=quiet
            )
        )
    if kind.name == BOXES.name:
        from martlet.workflows.predict_boxes import predict_boxes

        return list(
            predict_boxes(
                network,
                sources,
                output=output,
                threshold=options.get("threshold"),
                per_class=options.get("per_class"),
                coco_ids=options.get("coco_ids"),
            )
        )
    if kind.name == PICTURES.name:
        columns = Columns(path_column=options.get("path_column"), root=options.get("root"))
        sources = find_sources(sources, columns)
        network = over_views(network, options.get("tta", "none"))
    else:
        sources = kind.find(sources)
    return network.predict(sources, top=top, unknown=unknown)
