"""What `train` makes before its first step: samples, parts, network, and the loop's job."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from martlet.console.progress import Voice
from martlet.data import kinds
from martlet.data.folds import parts_of_fold
from martlet.data.kind import Samples
from martlet.data.pictures.near_duplicates import Alike
from martlet.data.saved_split import digest, to_save
from martlet.data.split import Split, split_samples
from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models.detectors import Detector
from martlet.training import checkpoint
from martlet.training.job import Job
from martlet.training.ranks import ONE_PROCESS, Ranks
from martlet.training.state import State
from martlet.training.sync_batch_norm import synchronised
from martlet.training.trackers import names_of
from martlet.workflows.checks import near_duplicates
from martlet.workflows.run_folder import check_folder
from martlet.workflows.samples import describe, read_samples
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train import time_budget as train_time
from martlet.workflows.train.first_weights import load_start
from martlet.workflows.train.job import in_tiles, make_job
from martlet.workflows.train.plan import Plan, make_header, make_network
from martlet.workflows.train.processes import device_of, told
from martlet.workflows.train.teacher import learn_from

# torch.compile takes most of a minute at first. It then saved 0.7 ms of 12.6 per picture of
# shufflenet_v2_x1_0 on two cores (benchmarks/results/epoch.csv), 5 ns per thousand MACs, so below
# this many MACs it costs more than it saves. A count, not a stopwatch: the choice must be the same
# in a run that is resumed.
COMPILE_PAYS_FROM_MACS = 1.5e13


class Ready(NamedTuple):
    """What there is before the first step.

    plan: with what was learnt of the data; counts: of the samples, by part and class; saved: what
    split.json is to hold; alike: pictures that are nearly the same as one of an earlier part.
    """

    plan: Plan
    job: Job
    samples: Samples
    model: nn.Module
    split: Split
    counts: dict[str, list[int]]
    state: State
    saved: Any
    alike: Sequence[Alike]


def prepare(plan: Plan, voice: Voice, ranks: Ranks) -> Ready:
    """Check, read, build, and say what was understood; nothing is written but the cache."""
    began, data, options = time.monotonic(), plan.data, plan.options
    names_of(options.log)  # a library that is missing is said before anything is read
    device = device_of(options.device, ranks)
    workers = train_setup.choose_workers(options.workers, device, ranks.local_count)
    check_folder(plan.folder, resume=options.resume, overwrite=options.overwrite)
    network = make_network(plan, outputs=2)  # at least
    if 0 not in plan.preprocess.shape:  # else the data says it
        train_setup.check_memory(data, network, plan.preprocess, options, device, ranks.count)
    samples = read_samples(data, plan.preprocess, voice, options=options, max_bad=options.max_bad)
    split = choose_split(plan, samples)
    alike = near_duplicates.find(samples, split)
    split = near_duplicates.warned(samples, split, alike)
    known = 0 not in plan.preprocess.shape
    plan, samples = fit_preprocess(plan, samples, split)
    if not known:
        network = make_network(plan, outputs=2)
        train_setup.check_memory(data, network, plan.preprocess, options, device, ranks.count)
    saved = to_save(split, samples)
    counts = describe(samples, split, voice)
    header = make_header(plan, plan.task.outputs(samples), len(split.train), digest(saved))
    model = train_setup.build(header.network, header.recipe, plan.start.pretrained)
    loaded = load_start(plan.start, model, header.network, header.classes)
    tiles = in_tiles(header, samples, split, model, ranks)
    taught = learn_from(options, header, device)
    given = device, workers, model, tiles, taught, ranks
    if options.time is not None:
        job = make_job(plan.folder, header, samples, split, *given)
        job = replace(job, ranks=ONE_PROCESS)  # the others wait
        plan = train_time.with_epochs(plan, job, samples, model, split, began, voice)
        options = plan.options
        header = make_header(plan, header.classes, len(split.train), header.split)
    compiled = choose_compile(plan, model, split, device, voice, tiled=tiles is not None)
    recipe = replace(header.recipe, compile=compiled)
    header = replace(header, trained=recipe, start=loaded.digest, teacher=taught.digest)
    tiles = None if compiled == "on" else tiles  # as an earlier run that is gone on with
    given = device, workers, model, tiles, taught, ranks
    job = make_job(plan.folder, header, samples, split, *given)
    model = train_setup.place(model, device, recipe.epochs * len(job.train))
    if recipe.sync_batch_norm:
        model = synchronised(model, ranks)
    state = State(model, recipe, ranks.count)
    said = (*train_setup.told(header, model, job.train), *told(ranks, job.train))
    for sentence in filter(None, (*said, loaded.told, taught.told)):
        voice.say(sentence)
    return Ready(plan, job, samples, model, split, counts, state, saved, alike)


def choose_split(plan: Plan, samples: Samples) -> Split:
    """Put the samples into parts; MartletError for one to stop early by that is not there."""
    kind, options = kinds.find(plan.preprocess.kind), plan.options
    if kind.split is not None:
        split = kind.split(samples, options)
    else:
        crossed = options.cross_validate is not None
        split = split_samples(
            samples.labels,
            samples.digests,
            parts_of_fold(samples, options) if crossed else samples.parts,
            val=options.val,
            test=options.test,
            seed=options.seed,
            allow_overlap=options.allow_overlap,
            classes=samples.classes,
            paths=samples.names,
            groups=samples.groups,
        )
    if options.early_stop and not split.val:
        raise MartletError(
            f"early_stop={options.early_stop} needs a validation part, and there is none; give val "
            "above 0, or leave early_stop out."
        )
    return split


def fit_preprocess(plan: Plan, samples: Samples, split: Split) -> tuple[Plan, Samples]:
    """Both with what is learnt from the training part; a run that goes on keeps what it learnt."""
    kind, preprocess = kinds.find(plan.preprocess.kind), plan.preprocess
    if kind.fit is None:
        return plan, samples
    if plan.before is not None:
        preprocess = checkpoint.load_header(plan.before).preprocess
    preprocess, samples = kind.fit(preprocess, samples, split.train)
    return replace(plan, preprocess=preprocess), samples


def choose_compile(
    plan: Plan,
    model: nn.Module,
    split: Split,
    device: torch.device,
    voice: Voice,
    *,
    tiled: bool = False,
) -> Literal["on", "off"]:
    """Whether to compile the training step, and a line that says so; tiled: batches are tiles."""
    recipe = plan.options
    if recipe.compile != "auto":
        return recipe.compile
    if plan.before is not None:
        return "on" if checkpoint.load_header(plan.before).recipe.compile == "on" else "off"
    if tiled or recipe.progressive < 1:  # shapes change
        return "off"
    if isinstance(model, Detector):  # whether it pays was not measured
        return "off"
    macs = cost(model, (1, *plan.preprocess.shape)).macs
    total = macs * len(split.train) * recipe.epochs
    pays = total > COMPILE_PAYS_FROM_MACS and device.type == "cpu"
    able = pays and train_setup.can_compile()
    if pays:
        voice.say(
            f"torch.compile: {'on' if able else 'off'}; {total / 1e12:.1f} T MACs forward in this "
            f"run, and on a CPU it pays from about {COMPILE_PAYS_FROM_MACS / 1e12:.0f} T on"
            + ("." if able else ", but no C++ compiler with Python's headers is here.")
        )
    return "on" if able else "off"
