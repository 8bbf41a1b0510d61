"""How `export` finds the run and the place of what it writes."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from martlet.compiler import CompiledNetwork
from martlet.compiler.options import MOST_STRIDE, whole
from martlet.data.kind import AnyPreprocess
from martlet.data.kinds import KINDS
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.errors import MartletError
from martlet.exporting import FORMATS, Exported, Trained, boxes, c, export
from martlet.exporting.trained import LOGITS
from martlet.inference.network import ANSWERS, SELECTED
from martlet.models.detectors import Detector
from martlet.models.hybridsn import HybridSN
from martlet.models.whole_scene import WholeScene
from martlet.tasks.detection.decoded import Decoded
from martlet.tasks.detection.limits import LIMITS
from martlet.training import checkpoint
from martlet.version import versions
from martlet.workflows.open_network import checkpoint_path
from martlet.workflows.torch_network import calibration_of

TILE = 64  # side in pixels of what one run labels of a scene: larger is faster, in more memory


def export_run(
    run: Path,
    format: str,
    output: Path | None,
    tile: int | None = None,
    stream: int | None = None,
    raw: bool = False,
) -> Exported | CompiledNetwork:
    """The verified file of `export`, or for C the network to call."""
    if stream is not None and format != "c":
        raise MartletError(
            f"stream={stream} is for C, whose NAME_push takes samples; give format='c', or leave "
            "it out."
        )
    stream = None if stream is None else whole("stream", stream, MOST_STRIDE)
    chosen, path = FORMATS[format], checkpoint_path(run)
    usual = f"model{chosen.suffix}" if chosen.suffix else chosen.name
    place = path.with_name(usual) if output is None else Path(output)
    if chosen.suffix and place.suffix != chosen.suffix:
        raise MartletError(
            f"output={output} is not accepted; give a name that ends in {chosen.suffix}."
        )
    model, header = checkpoint.load_model(path)
    if stream is not None:
        if header.preprocess.kind != "series":
            raise MartletError(
                f"stream={stream} is for networks of recordings; {run} takes "
                f"{KINDS[header.preprocess.kind].noun}: leave it out."
            )
        chosen = replace(chosen, write=partial(c.write, stream=stream))
    if raw and not isinstance(model, Detector):
        raise MartletError(
            f"raw=True is for networks that find boxes, and not {run}; leave it out."
        )
    if isinstance(model, Detector) and format == "onnx" and not raw:
        chosen = replace(chosen, write=boxes.write)
    trained = _trained(model, header, tile, raw=raw or format == "c")
    exported = export(trained, place, chosen)
    if format != "c":
        return exported
    net = c.load(place)
    net.max_difference = exported.max_difference
    return net


def _trained(
    model: nn.Module, header: checkpoint.Header, tile: int | None, *, raw: bool
) -> Trained:
    """What is exported: of a detector, if `raw`, the answers of all places as they are."""
    colours = header.metrics.get("colours")  # of classes, as the label map has them
    output, of_boxes = LOGITS, dict[str, Any]()
    if isinstance(model, Detector):
        how = model.told()  # not of every detector
        of_boxes = {ANSWERS: how | LIMITS} if raw else {SELECTED: True}
        output = ANSWERS if raw else boxes.DECODED
    network, preprocess = _of_kind(model, header.preprocess, tile, raw=raw)
    return Trained.of(
        network,
        preprocess=preprocess,
        classes=header.classes,
        meta={
            "network": vars(header.network),
            "task": header.task,
            "split": header.split,
            "versions": versions(),
            **({} if colours is None else {"colours": colours}),
            **calibration_of(header),
            **of_boxes,
        },
        temperature=header.temperature,
        output=output,
    )


def _of_kind(
    model: nn.Module, preprocess: AnyPreprocess, tile: int | None, *, raw: bool
) -> tuple[nn.Module, AnyPreprocess]:
    """A network for scenes labels a tile at once, and so does what is exported of it; a detector
    decodes what it answers, unless it is exported raw.
    """
    if isinstance(preprocess, ScenePreprocess) and isinstance(model, HybridSN):
        return WholeScene(model), replace(preprocess, tile=TILE if tile is None else tile)
    if tile is not None:
        raise MartletError(f"tile={tile} is for HybridSN, which labels tiles; leave it out.")
    if isinstance(model, Detector):
        return model.eval() if raw else Decoded(model, preprocess.shape[-2:]), preprocess
    return model, preprocess
