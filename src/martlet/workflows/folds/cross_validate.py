"""`train --cross-validate`: each fold is a run in a process of its own; then the sum."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from martlet.console.progress import Voice
from martlet.data.cache import cores
from martlet.data.folds import folds_of, folds_of_pictures
from martlet.data.kind import Samples
from martlet.data.pictures.kind import PICTURES
from martlet.errors import MartletError
from martlet.storage.claim import CLAIM, claimed
from martlet.training import checkpoint
from martlet.training.run_files import MODEL
from martlet.workflows.attached import end_all, last_words, start
from martlet.workflows.device import choose_device
from martlet.workflows.folds.finished import check_same, finished
from martlet.workflows.folds.summed import WRITTEN, figures_of, sum_up
from martlet.workflows.run_folder import Run
from martlet.workflows.samples import read_samples
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import Plan, make_plan
from martlet.workflows.train.processes import refuse_several
from martlet.workflows.train.resume import model_is_lost


def cross_validate(data: Path, options: TrainOptions) -> Run:
    """Train all folds, as many at once as there are cores, each with one thread; then sum up.

    A fold whose run is finished is not trained again with `resume`, one that has lost its weights
    is. Raises MartletError for data in given parts, for a class that not every fold has, for a
    folder that is there already, for finished folds of other arguments, and when a fold fails.
    """
    refuse_several("cross_validate")
    plan, voice = make_plan(data, options), Voice(options.quiet)
    _check_folder(plan)
    samples = read_samples(
        plan.data, plan.preprocess, voice, options=options, max_bad=options.max_bad
    )
    folds, unit = _deal(plan, samples)
    for sentence in samples.odd:
        voice.say(sentence)
    at_once = cores() if choose_device(options.device).type == "cpu" else 1
    voice.say(
        f"{len(folds)} folds by {unit}, {min(at_once, len(folds))} at once, each in {plan.folder}"
    )
    with claimed(plan.folder):
        _train_all(plan, samples, len(folds), at_once, voice)
        return sum_up(plan, samples, folds, voice)


def _deal(plan: Plan, samples: Samples) -> tuple[list[tuple[str, ...]], str]:
    """What each fold holds out, and what that is called: subjects, groups or contents."""
    asked, seed = str(plan.options.cross_validate), plan.options.seed
    if samples.groups is None or plan.preprocess.kind == PICTURES.name:
        unit = "content" if samples.groups is None else "group"
        return folds_of_pictures(samples, asked, seed), unit
    if any(samples.parts):
        raise MartletError(
            f"cross_validate divides {str(plan.data)!r} itself, and it is given in parts; give one "
            "folder or file without parts."
        )
    unit = "subject" if getattr(samples, "by_subject", True) else "recording"
    return folds_of(samples.labels, samples.groups, asked, seed, unit), unit


def _check_folder(plan: Plan) -> None:
    names = {path.name for path in plan.folder.iterdir()} if plan.folder.is_dir() else set()
    names -= {CLAIM}
    if not names or (plan.options.resume and not plan.options.overwrite):
        return
    ours = all(name.startswith("fold-") or name in WRITTEN for name in names)
    if not (plan.options.overwrite and ours):
        raise MartletError(
            f"{plan.folder} exists already; use --resume to go on with its folds, --name for "
            "another folder, or --overwrite to train them anew."
            if ours
            else f"{plan.folder} holds {min(names, key=_strange)!r}, which no cross-validation "
            "wrote, and is neither gone on with nor overwritten; give --name for another folder."
        )


def _strange(name: str) -> tuple[bool, str]:
    """Sorts files that are no fold's first."""
    return name.startswith("fold-") or name in WRITTEN, name


def command_of(plan: Plan, fold: int) -> list[str]:
    """The words behind `martlet` that train one fold; one that cannot go on, for its best weights
    are gone, from new."""
    given = plan.options
    anew = given.overwrite or model_is_lost(plan.folder / f"fold-{fold}")
    options = replace(
        given,
        fold=fold,
        folder=plan.folder,
        name=f"fold-{fold}",
        workers=0 if given.workers is None else given.workers,
    )
    how = ["--quiet", "--overwrite"] if anew else ["--quiet", *["--resume"] * given.resume]
    return [*options.words(plan.data), *how]


def _train_all(plan: Plan, samples: Samples, count: int, at_once: int, voice: Voice) -> None:
    todo = [
        number
        for number in range(1, count + 1)
        if not (plan.options.resume and finished(plan.folder / f"fold-{number}"))
    ]
    for number in set(range(1, count + 1)) - set(todo):
        check_same(plan, samples, number)
    for number in todo:
        if plan.options.resume and model_is_lost(plan.folder / f"fold-{number}"):
            voice.say(f"fold {number} has lost its {MODEL}: it is trained again.")

    def train(number: int) -> tuple[int, int, str]:
        process = start(command_of(plan, number), threads=1)
        said = last_words(process)
        return number, process.returncode, said

    with ThreadPoolExecutor(at_once) as pool:
        started = [pool.submit(train, number) for number in todo]
        try:
            for ended in as_completed(started):
                number, code, said = ended.result()
                if code:
                    raise MartletError(
                        f"fold {number} failed: {said}; the others are kept, go on with --resume."
                    )
                header = checkpoint.load_header(plan.folder / f"fold-{number}" / MODEL)
                name = next(iter(figures_of(plan.task)))
                voice.say(f"fold {number}: {name} {header.metrics[name]:.2%}")
        finally:
            for waiting in started:
                waiting.cancel()
            end_all()
