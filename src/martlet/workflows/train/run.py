"""The steps of `train`, in the order in which they happen."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from martlet import tasks
from martlet.console.progress import TrainingBar, Voice
from martlet.data import kinds
from martlet.data.batches import Loader, TrainBatches, TrainLoader
from martlet.data.folds import parts_of_fold
from martlet.data.kind import Samples
from martlet.data.saved_split import digest, to_save
from martlet.data.scenes.tiles import TileLoader
from martlet.data.series.kind import SERIES
from martlet.data.split import Split, split_samples
from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.storage.claim import claimed
from martlet.storage.files import write_text
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.journal import Journal, catch_up
from martlet.training.loop import EpochEnd, Job, fit, save
from martlet.training.mixing import build_mixing
from martlet.training.ranks import ONE_PROCESS, LostError, Ranks
from martlet.training.run_files import RESUME
from martlet.training.state import State
from martlet.training.sync_batch_norm import synchronised
from martlet.training.trackers import Trackers, figures, names_of
from martlet.workflows.checks import near_duplicates
from martlet.workflows.checks.label_check import check_labels
from martlet.workflows.checks.label_head import check_label_options, judge_labels
from martlet.workflows.run_folder import SPLIT, Run, check_folder, new_run
from martlet.workflows.samples import describe, noun_of, read_samples
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train import time_budget as train_time
from martlet.workflows.train.few import as_begun, begin_with_head
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import Plan, make_header, make_network, make_plan
from martlet.workflows.train.processes import device_of, joined, refuse_several, told
from martlet.workflows.train.resume import go_on, keep_split, told_early
from martlet.workflows.train.start import check_kept, load_start
from martlet.workflows.train.stopping import stopping
from martlet.workflows.train.teacher import Taught, learn_from
from martlet.workflows.train.tiles import scored_batches, through, tiles_for
from martlet.workflows.train.trackers import KEPT, tracked

# torch.compile takes most of a minute at first. It then saved 0.7 ms of 12.6 per picture of
# shufflenet_v2_x1_0 on two cores (benchmarks/results/epoch.csv), 5 ns per thousand MACs, so below
# this many MACs it costs more than it saves. A count, not a stopwatch: the choice must be the same
# in a run that is resumed.
COMPILE_PAYS_FROM_MACS = 1.5e13


def carry_out(data: Path, options: TrainOptions) -> Run:
    """`train`, while no other process writes into the run folder.

    Of several that train together the first one writes, and the others go on with what it began.
    """
    plan = make_plan(data, options)
    if options.fold is not None and options.cross_validate is None:
        raise MartletError(f"fold={options.fold} is one of cross_validate; give both.")
    check_label_options(options, plan.start)
    if options.dry_run:  # writes nothing there
        refuse_several("dry_run", "looks at the data in one")
        return steps(plan, Voice(options.quiet), ONE_PROCESS)
    with joined() as ranks:
        if not ranks.first:
            following = replace(options, resume=True, overwrite=False)
            return steps(replace(plan, options=following), Voice(quiet=True), ranks)
        with claimed(plan.folder):
            return steps(plan, Voice(options.quiet), ranks)


def steps(plan: Plan, voice: Voice, ranks: Ranks) -> Run:
    """Check, read, train, evaluate, report; the order keeps an earlier run safe from mistakes."""
    from martlet.workflows.train.dry_run import expect
    from martlet.workflows.train.finish import finish

    with ranks.in_turn():
        ready = prepare(plan, voice, ranks)
        if ready.plan.options.dry_run:
            return expect(*ready[:6], voice)
        ready = ready._replace(job=begin(ready, voice))
    plan, job, samples, _, split, counts, state, _ = ready
    command = plan.options.command(plan.data)
    with tracked(plan, job.header, voice) if ranks.first else Trackers(()) as trackers:
        run_loop(job, state, voice, trackers)
        try:
            run = finish(job, state, samples, split, counts, plan.options, command, voice)
        except KeyboardInterrupt:
            voice.say("Trained; the report is missing: the same command with --resume makes it.")
            raise
        trackers.finish(figures(run.metrics), [run.folder / name for name in KEPT])
    return run


class Ready(NamedTuple):
    """What there is before the first step.

    plan: with what was learnt of the data; counts: of the samples, by part and class; saved: what
    split.json is to hold.
    """

    plan: Plan
    job: Job
    samples: Samples
    model: nn.Module
    split: Split
    counts: dict[str, list[int]]
    state: State
    saved: Any


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
    split = near_duplicates.warned(samples, choose_split(plan, samples))
    known = 0 not in plan.preprocess.shape
    plan, samples = fit_preprocess(plan, samples, split)
    if not known:
        network = make_network(plan, outputs=2)
        train_setup.check_memory(data, network, plan.preprocess, options, device, ranks.count)
    saved = to_save(split, samples)
    counts = describe(samples, split, voice)
    header = make_header(plan, plan.task.outputs(samples), len(split.train), digest(saved))
    check_kept(header.recipe, plan.start)
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
    return Ready(plan, job, samples, model, split, counts, state, saved)


def begin(ready: Ready, voice: Voice) -> Job:
    """Go on from the run's checkpoint, or write its first files; the job, as that leaves it."""
    plan, job, state, saved = ready.plan, ready.job, ready.state, ready.saved
    judged = judge_labels(
        plan, job, ready.samples, ready.model
    )  # before a checkpoint's weights come
    if plan.before is not None:
        go_on(plan.before, job.header, state, voice)
        keep_split(plan.folder / SPLIT, saved, voice)
        job = as_begun(job, plan.before)
    else:
        if plan.options.resume:
            voice.say(f"{plan.folder} has no {RESUME} yet: the run starts from the beginning.")
        if job.recipe.few:
            job = begin_with_head(job, state, ready.samples, ready.split, voice)
        with new_run(plan.folder) as first:
            write_text(first / SPLIT, json.dumps(saved))
            save(replace(job, folder=first), state, step=0, best=job.recipe.few)
    if judged is not None:
        preprocess, noun = job.header.preprocess, noun_of(job.header.preprocess)
        voice.say(check_labels(plan.folder, judged, ready.samples, preprocess, noun))
    return job


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


def in_tiles(
    header: Header, samples: Samples, split: Split, model: nn.Module, ranks: Ranks
) -> TileLoader | None:
    """Training batches within tiles, where windows share enough; None: sample by sample."""
    targets = tasks.find(header.task).targets(samples, header.classes)
    return tiles_for(model, samples, targets, split.train, header.recipe, ranks.share)


def make_job(
    folder: Path,
    header: Header,
    samples: Samples,
    split: Split,
    device: torch.device,
    workers: int,
    model: nn.Module,
    tiles: TileLoader | None,
    taught: Taught,
    ranks: Ranks,
) -> Job:
    """Loaders and all else that the loop works on; `model` is the network of the header.

    tiles: training batches, where windows share them; None: sample by sample.
    """
    recipe, preprocess = header.recipe, header.preprocess
    kind, task = kinds.find(preprocess.kind), tasks.find(header.task)
    targets = task.targets(samples, header.classes)
    weights = train_setup.weights_of_classes(header, targets, split.train)
    loader: Loader | None = tiles
    if loader is None:
        batches = TrainBatches(
            samples,
            targets,
            split.train,
            preprocess=preprocess,
            augment=kind.augment(preprocess, recipe),
            batch_size=recipe.batch_size,
            seed=recipe.seed,
            repeats=recipe.repeated_augmentation,
            balanced=recipe.balance == "sampling",
            alternate=recipe.flip_alternating,
            share=ranks.share,
        )
        loader = (
            TrainLoader(batches, workers)
            if recipe.augment_on == "cpu" or kind.on_device is None
            else kind.on_device(batches, preprocess, recipe, device)
        )
    val = scored_batches(model, samples, targets, split.val, preprocess) if split.val else None
    measured = None
    if recipe.norm == "recalibrated":
        measured = scored_batches(model, samples, targets, split.train, preprocess)
    return Job(
        header=header,
        train=loader,
        val=val,
        folder=folder,
        to_input=kind.to_input(preprocess, device),
        transform=build_mixing(
            recipe, len(header.classes), axes=1 if preprocess.kind == SERIES.name else 2
        ),
        through=through,
        class_weights=weights,
        teacher=taught.teacher,
        ranks=ranks,
        measured=measured,
    )


def run_loop(job: Job, state: State, voice: Voice, trackers: Trackers) -> None:
    """Train to the end, or until Ctrl-C; raises KeyboardInterrupt then, its checkpoint written.

    So it is when one of several processes is gone: MartletError says it.
    """
    first = job.ranks.first
    if state.ended(job.recipe, job.task.better):
        if first:
            catch_up(job.folder, state.history, events=trackers.tensorboard)
        trackers.note(state.history)
        return
    journal = Journal(job.folder, state.history, events=trackers.tensorboard) if first else None
    try:
        with (
            stopping(job.stop, voice),
            TrainingBar(voice, job.recipe.epochs, noun_of(job.header.preprocess)) as bar,
        ):
            for event in fit(job, state):
                bar.show(event)
                if isinstance(event, EpochEnd) and journal is not None:
                    journal.note(state.history)
                    trackers.note(state.history)
    except LostError as lost:
        where = f"epoch {state.epoch + 1}, batch {state.batch}"
        raise MartletError(
            f"{str(lost).rstrip('.')}; all up to {where} is saved in {job.folder}. Go on with the "
            "same command and --resume."
        ) from lost
    finally:
        job.train.close()
        if journal is not None:
            journal.close()
    if not state.ended(job.recipe, job.task.better):
        voice.say(
            f"Stopped at epoch {state.epoch + 1}, batch {state.batch}; all is saved in "
            f"{job.folder}. Go on with the same command and --resume."
        )
        raise KeyboardInterrupt
    if state.epoch < job.recipe.epochs:
        voice.say(f"The run {told_early(state, job.header)}.")
