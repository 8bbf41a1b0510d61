"""The steps of `train`, in the order in which they happen."""

import json
from dataclasses import replace
from pathlib import Path

from martlet.console.progress import TrainingBar, Voice
from martlet.errors import MartletError
from martlet.storage.claim import claimed
from martlet.storage.files import write_text
from martlet.training.job import EpochEnd, Job
from martlet.training.journal import Journal, catch_up
from martlet.training.loop import fit, save
from martlet.training.ranks import ONE_PROCESS, LostError, Ranks
from martlet.training.run_files import RESUME
from martlet.training.state import State
from martlet.training.trackers import Trackers, figures
from martlet.workflows.checks.label_check import check_labels
from martlet.workflows.checks.label_head import check_label_options, judge_labels
from martlet.workflows.run_folder import SPLIT, Run, new_run
from martlet.workflows.samples import noun_of
from martlet.workflows.train.few import as_begun, begin_with_head
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import Plan, make_plan
from martlet.workflows.train.prepare import Ready, prepare
from martlet.workflows.train.processes import joined, refuse_several
from martlet.workflows.train.resume import go_on, keep_split, told_early
from martlet.workflows.train.stopping import stopping
from martlet.workflows.train.trackers import KEPT, tracked


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
    plan, job, samples, _, split, counts, state, _, alike = ready
    command = plan.options.command(plan.data)
    with tracked(plan, job.header, voice) if ranks.first else Trackers(()) as trackers:
        run_loop(job, state, voice, trackers)
        try:
            run = finish(job, state, samples, split, alike, counts, plan.options, command, voice)
        except KeyboardInterrupt:
            voice.say("Trained; the report is missing: the same command with --resume makes it.")
            raise
        trackers.finish(figures(run.metrics), [run.folder / name for name in KEPT])
    return run


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
