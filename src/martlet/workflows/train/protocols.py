"""`train` with several seeds, or both protocols: a run each, and their figures side by side."""

from dataclasses import replace
from pathlib import Path

from martlet.console.progress import Voice
from martlet.data import kinds
from martlet.data.scenes.kind import SCENES
from martlet.data.scenes.regions import PROTOCOLS
from martlet.errors import MartletError
from martlet.report.protocols import compare
from martlet.storage.claim import claimed
from martlet.training import checkpoint
from martlet.workflows.report_page import write_report
from martlet.workflows.run_folder import Run, check_folder
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import make_plan
from martlet.workflows.train.processes import refuse_several
from martlet.workflows.train.run import carry_out
from martlet.workflows.train.siblings import siblings

BOTH = "both"


def carry_out_all(data: Path, options: TrainOptions) -> Run:
    """`train`: one run, or one for each protocol and seed, in folders beside each other.

    The first, with disjoint regions and the first seed, has the name that is asked for, and is
    returned. Every report then has the comparison. Raises MartletError for data other than scenes,
    and for a folder that is taken, before anything is trained.
    """
    if options.dry_run and options.protocol == BOTH:  # the first of the runs
        options = replace(options, protocol=PROTOCOLS[0])
    if options.dry_run or (options.seeds == 1 and options.protocol != BOTH):
        return carry_out(data, options)
    refuse_several("protocol=both" if options.seeds == 1 else f"seeds={options.seeds}")
    protocols = PROTOCOLS if options.protocol == BOTH else (options.protocol,)
    plan = make_plan(data, options)
    if plan.preprocess.kind != SCENES.name:
        raise MartletError(
            f"protocol={BOTH!r} is for scenes; give one of {', '.join(PROTOCOLS)} for "
            f"{kinds.find(plan.preprocess.kind).data}."
        )
    several = []
    for seed in range(options.seed, options.seed + options.seeds):
        for protocol in protocols:
            ends = [protocol] * (protocol != protocols[0])
            ends += [f"seed{seed}"] * (seed != options.seed)
            name = "-".join([plan.folder.name, *ends])
            several.append(replace(options, protocol=protocol, seed=seed, seeds=1, name=name))
    for one in several:
        check_folder(one.folder / str(one.name), resume=one.resume, overwrite=one.overwrite)
    voice = Voice(options.quiet)
    runs = []
    for number, one in enumerate(several, 1):
        word = ", optimistic" if one.protocol == "random" else ""
        voice.heading(
            f"run {number} of {len(several)}: {one.protocol}{word}, seed {one.seed}, in {one.name}"
        )
        runs.append(carry_out(data, one))
    for run in runs:
        model, header = checkpoint.load_model(run.checkpoint)
        with claimed(run.folder):
            write_report(run.folder, header, model)
    first = runs[0]
    compared = compare(siblings(first.folder, checkpoint.load_header(first.checkpoint)))
    if compared is None:
        return first
    voice.heading("side by side: mean (lowest to highest)")
    for label, cells in compared.rows[:3]:
        pairs = zip(compared.columns, cells, strict=True)
        voice.say(f"{label}: " + "; ".join(f"{column} {cell}" for column, cell in pairs))
    for sentence in compared.told:
        voice.say(sentence)
    columns = compared.columns
    rows = {label: dict(zip(columns, cells, strict=True)) for label, cells in compared.rows}
    return Run(first.folder, {**first.metrics, "comparison": rows, "told": list(compared.told)})
