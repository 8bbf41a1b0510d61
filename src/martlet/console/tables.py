"""How the command line prints the results of the verbs: rich tables on standard output."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from martlet.console.grid import columns, fill, out, show_table
from martlet.console.printable import printable
from martlet.memory import in_words

if TYPE_CHECKING:
    from martlet.compiler import CompiledNetwork
    from martlet.compiler.runtime.layer_times import Profile
    from martlet.exporting import Exported
    from martlet.measuring.latency import Latency
    from martlet.workflows.convert import ConvertedFile
    from martlet.workflows.explain import Explanation
    from martlet.workflows.predict_scene import SceneMap
    from martlet.workflows.run_folder import Run
    from martlet.workflows.shard import Sharded


def nothing(_: object) -> None:
    """The verb said it all while it worked."""


def trained(run: "Run") -> None:
    """Where the run lies and what can be done next."""
    console, folder = out(), shlex.quote(str(run.folder))
    if "dry_run" in run.metrics:
        console.print("nothing was trained, and no folder was made", markup=False)
        return
    if "folds" in run.metrics:
        made = "cross_validation.json, out_of_fold.npz, suspects.csv, a run for each fold, …"
        if "ap50" in run.metrics:
            made = "cross_validation.json, precision.png, a run for each fold"
        console.print(f"made {run.folder}: {made}", markup=False)
        return
    others = {"pixels": "scene.mat", "windows": "recording.csv"}
    file = others.get(run.metrics.get("noun", ""), "some.jpg")
    exported = [f"  martlet export {folder} --format onnx"] * run.metrics.get("exported", True)
    for line in (
        f"made {run.folder}: model.safetensors, report.html and more",
        "next:",
        f"  martlet predict {folder} {file}",
        *exported,
        f"  martlet measure {folder}",
    ):
        console.print(line, markup=False)


def evaluated(metrics: dict[str, Any], console: Console | None = None) -> None:
    """The figures, then a row per class."""
    from martlet.measuring.accuracy import number_of
    from martlet.report.reliability import told_of_probabilities, told_of_unknown
    from martlet.report.result import wilson

    console = console or out()
    if "ap50" in metrics:
        from martlet.console.box_tables import boxes_scored

        boxes_scored(metrics, console)
        return
    if "per_class" not in metrics:  # of another task
        for name, value in metrics.items():
            console.print(f"{name}: {value}", markup=False)
        return
    (total, noun), top1 = number_of(metrics), metrics["top1"]
    low, high = wilson(round(top1 * total), total)
    kappa = f", kappa {metrics['kappa']:.3f}" if "kappa" in metrics else ""
    word = "optimistic: " if metrics.get("caution") else ""
    console.print(
        f"{word}top1 {top1:.2%} of {total} {noun} (95 % interval {low:.1%} to {high:.1%}), "
        f"balanced {metrics['balanced_top1']:.2%}{kappa}, macro F1 {metrics['macro_f1']:.2%}, loss "
        f"{metrics['loss']:.3f}" + (f", top5 {metrics['top5']:.2%}" if "top5" in metrics else "")
    )
    if "caution" in metrics:
        console.print(metrics["caution"], markup=False)
    for sentence in (*told_of_probabilities(metrics), *told_of_unknown(metrics)):
        console.print(sentence, markup=False)
    table = columns("class", "precision", "recall", "F1", noun)
    for row in metrics["per_class"]:
        figures = (f"{row[key]:.1%}" for key in ("precision", "recall", "f1"))
        fill(table, row["class"], *figures, str(row["support"]))
    show_table(console, table)


def predicted(predictions: "Sequence[Any]", console: Console | None = None) -> None:
    """A row per picture: the answer, its probability, and the next best; a map's classes."""
    if predictions and hasattr(predictions[0], "segments"):
        from martlet.console.timelines import timelines

        timelines(predictions, console)
        return
    if predictions and hasattr(predictions[0], "boxes"):
        from martlet.console.box_tables import boxes_found

        boxes_found(predictions, console)
        return
    if predictions and hasattr(predictions[0], "folder"):
        mapped(predictions, console)
        return
    table = columns("picture", "answer", "probability", "next", left=2)
    table.columns[3].justify = "left"
    for found in predictions:
        if found.error is not None:
            fill(table, found.path, "(none)", "", found.error)
            continue
        shown = found.top if found.unknown else found.top[1:]
        others = ", ".join(f"{label} {share:.1%}" for label, share in shown)
        sure = "" if found.unknown else f"{found.probability:.1%}"
        fill(table, found.path, found.label, sure, others)
    show_table(console or out(), table)


def explained(found: "Sequence[Explanation]", console: Console | None = None) -> None:
    """A row per picture: the answer, the class explained where it is another one, and the file."""
    other = any(one.class_name != one.label for one in found if one.error is None)
    names = ["picture", "answer", "probability", *(["evidence for"] if other else []), "written to"]
    table = columns(*names, left=2)
    for column in table.columns[3:]:
        column.justify = "left"
    for one in found:
        if one.error is not None:
            fill(table, one.path, "(none)", "", *([""] if other else []), one.error)
            continue
        asked = [f"{one.class_name} {one.class_probability:.1%}"] if other else []
        fill(table, one.path, one.label, f"{one.probability:.1%}", *asked, str(one.picture))
    show_table(console or out(), table)


def mapped(maps: "Sequence[SceneMap]", console: Console | None = None) -> None:
    """Where each scene's map lies, and a row a class."""
    console = console or out()
    for found in maps:
        if found.folder is None:
            console.print(f"{found.path}: {found.error}", markup=False)
            continue
        console.print(f"{found.path}: mapped in {found.folder}", markup=False)
        table = columns("class", "pixels", "share")
        total = max(1, sum(pixels for _, pixels in found.pixels))
        for name, pixels in found.pixels:
            fill(table, name, f"{pixels:,}", f"{pixels / total:.1%}")
        show_table(console, table)


def exported(file: "Exported | CompiledNetwork", console: Console | None = None) -> None:
    """Where the file is, and that it was compared."""
    from martlet.exporting import Exported

    if not isinstance(file, Exported):
        compiled(file, console)
        return
    how = "" if file.opset is None else f", opset {file.opset}"
    by = "against PyTorch" if file.opset is None else "with ONNX Runtime"
    (console or out()).print(
        f"{file.path}: {file.bytes / 1e6:.2f} MB{how}; verified {by} at batch "
        f"{' and '.join(map(str, file.batches))}, max difference {file.max_difference:.1e} of the "
        "output's scale",
        markup=False,
    )


def sharded(made: "Sharded", console: Console | None = None) -> None:
    """What lies in the folder, and what comes next."""
    console = console or out()
    for line in (
        f"{made.folder}: {made.pictures:,} pictures of {made.classes} classes in {made.shards} "
        f"shards, {in_words(made.bytes)}; {made.bad} left out",
        f"next: martlet train {shlex.quote(str(made.folder))}",
    ):
        console.print(printable(line), markup=False)


def converted(file: "ConvertedFile", console: Console | None = None) -> None:
    """What was made of which weights, how pictures are prepared, and what comes next."""
    console = console or out()
    how, path = file.preprocess, shlex.quote(str(file.path))
    options = ", ".join(f"{name}={value}" for name, value in file.options.items())
    for line in (
        f"{file.path}: {file.network}{f' ({options})' if options else ''} with the weights of "
        f"{file.origin}: {file.tensors} tensors, {file.params:,} params, {file.classes} classes",
        f"pictures: {how.channels} of {how.size}×{how.size}, crop_pct {how.crop_pct:.3g}, "
        f"{how.interpolation}, mean {_few(how.mean)}, std {_few(how.std)}; if these weights want "
        "another preparation, convert again with its values",
        *file.told,
        "next:",
        f"  martlet predict {path} some.jpg",
        f"  martlet export {path} --format onnx",
    ):
        console.print(line, markup=False)


def _few(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


def compiled(net: "CompiledNetwork", console: Console | None = None) -> None:
    """The files and their sizes; then the layers, when they were timed."""
    console, about = console or out(), net.description
    made = "no library" if about.library is None else about.library
    console.print(
        f"{net.folder}: {about.name}.c, {about.name}.h, {made}, for {about.target}; "
        f"{about.macs / 1e6:.1f} M MACs, {about.weight_bytes / 1e6:.2f} MB of weights, "
        f"{about.workspace_bytes / 1e6:.2f} MB of workspace, {about.moved_bytes:,} bytes moved "
        "for a change of places alone",
        markup=False,
    )
    if net.max_difference is not None:
        difference = f"{net.max_difference:.1e}"
        console.print(
            f"verified against PyTorch: max difference {difference} of the output's scale"
        )
    if net.profile is not None:
        profiled(net.profile, console)


def profiled(profile: "Profile", console: Console) -> None:
    """A row per layer, and the sums."""
    names = ("layer", "does", "tile", "MACs", "bytes", "ms", "GFLOP/s", "of peak")
    table = columns(*names, left=3)
    for row in profile.layers:
        speed = (f"{row.gflops:.0f}", f"{row.share_of_peak:.0%}") if row.macs else ("", "")
        figures = (f"{row.macs:,}", f"{row.bytes:,}", f"{row.milliseconds:.4f}", *speed)
        fill(table, row.name, row.summary, row.tile, *figures)
    show_table(console, table)
    saved = f"; minimal filtering saves {profile.saved_macs:,} MACs" if profile.saved_macs else ""
    console.print(
        f"{len(profile.layers)} layers, {profile.milliseconds:.3f} ms (median of {profile.runs}), "
        f"{profile.gflops:.0f} GFLOP/s, {profile.gflops / profile.peak_gflops:.0%} of the "
        f"measured peak of {profile.peak_gflops:.0f}; {profile.moved_bytes:,} bytes only change "
        f"places{saved}",
        markup=False,
    )


def measured(rows: "Sequence[Latency]", console: Console | None = None) -> None:
    """A row per engine."""
    from martlet.measuring.machine import machine

    console = console or out()
    table = columns("engine", "threads", "batch", "median ms", "p10", "p90", "inputs/s")
    for row in rows:
        times = (f"{ms:.3f}" for ms in (row.median_ms, row.p10_ms, row.p90_ms))
        run = (row.engine, str(row.threads), str(row.batch))
        fill(table, *run, *times, f"{row.images_per_second:.0f}")
    show_table(console, table)
    busy = [row.engine for row in rows if not row.reliable]
    if busy:
        console.print(
            f"not reliable ({', '.join(busy)}): times differ as they do when the machine is busy; "
            "measure again when nothing else runs",
            markup=False,
        )
    record = rows[0].record or machine()
    console.print(", ".join(f"{key} {value}" for key, value in record.items()), markup=False)
