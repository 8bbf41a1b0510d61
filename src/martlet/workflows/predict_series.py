"""How `predict` labels recordings: windows, a smoothed timeline, its segments and a picture."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.console.progress import Voice
from martlet.data.class_names import one_form
from martlet.data.series.duration import parse_duration
from martlet.data.series.kind import recordings_for
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.data.series.recording import Recording, Recordings
from martlet.data.series.timeline import stretches
from martlet.data.series.windows import Windows, cut_windows
from martlet.errors import MartletError
from martlet.inference import Network, softmax
from martlet.memory import eval_batch_size
from martlet.report.timeline import Bar, draw_timeline
from martlet.storage.files import write_text
from martlet.storage.staging import staging
from martlet.tasks.rejection import UNKNOWN, Unknown
from martlet.workflows.predict_folders import in_folders

SEGMENTS, WINDOWS = "segments.csv", "windows.csv"
_OURS = re.compile(r"segments\.csv|windows\.csv|timeline(_\d+)?\.png")
MOST_PICTURES = 20  # of a file with many recordings the first ones are drawn


@dataclass(frozen=True)
class Segment:
    """A stretch of one label; start and stop in seconds, or samples where no rate is known."""

    recording: str
    start: float
    stop: float
    label: str
    probability: float


@dataclass(frozen=True)
class Timeline:
    """What a file of recordings shows over time.

    folder: segments.csv, windows.csv (each window's own answer) and a picture of each recording.
    unit: of the segments' start and stop: "s", or "samples".
    error: why there is none; then the rest is empty.
    """

    path: str
    folder: Path | None = None
    unit: str = "s"
    segments: tuple[Segment, ...] = ()
    error: str | None = None


def predict_recordings(
    network: Network,
    sources: Sequence[Any],
    *,
    output: Path | None,
    smooth: str | None,
    unknown: bool = False,
    quiet: bool,
) -> list[Timeline]:
    """A timeline of each file or folder; what cannot be read has `error` set.

    smooth: the shortest stretch that a timeline has, a time or samples; a window by default.
    unknown: windows below the network's threshold are a class more, and so are stretches of which
        they are the most.
    """
    voice, preprocess = Voice(quiet), network.preprocess
    assert isinstance(preprocess, SeriesPreprocess)
    duration = parse_duration("smooth", preprocess.window if smooth is None else smooth)
    shortest = duration.samples(preprocess.rate)
    threshold = network.threshold() if unknown else None

    def read(path: Any) -> Callable[[Path], Timeline]:
        known = replace(preprocess, layout=None)  # other files may lie in another one
        recordings = recordings_for(path, known, labelled=False)
        return lambda folder: timeline_of(
            network, recordings, str(path), folder, shortest, voice, threshold
        )

    return in_folders(
        network,
        sources,
        output,
        noun="recording",
        made="timeline",
        read=read,
        failed=lambda path, error: Timeline(path, error=error),
    )


def timeline_of(
    network: Network,
    recordings: Recordings,
    path: str,
    folder: Path,
    shortest: int,
    voice: Voice,
    threshold: Unknown | None = None,
) -> Timeline:
    """Label all windows of all recordings, smooth, write and draw.

    threshold: windows below it are of a class more, "unknown", behind those of the network.
    """
    preprocess = network.preprocess
    assert isinstance(preprocess, SeriesPreprocess)
    for sentence in (*recordings.told, *recordings.odd):
        voice.say(sentence)
    windows = cut_windows(
        recordings, window=preprocess.window, stride=preprocess.stride, labelled=False
    )
    for sentence in windows.odd:
        voice.say(sentence)
    earlier = _earlier(folder, Path(path))
    answers = window_answers(network, windows, voice, threshold)
    with staging(folder, earlier) as inside:
        return _written(network, windows, answers, path, folder, inside, shortest)


def _written(
    network: Network,
    windows: Windows,
    answers: NDArray[np.float64],
    path: str,
    folder: Path,
    inside: Path,
    shortest: int,
) -> Timeline:
    """Smooth the answers of the windows, write and draw into `inside`, which becomes `folder`."""
    recordings, preprocess = windows.recordings, network.preprocess
    assert isinstance(preprocess, SeriesPreprocess)
    rate, unit = preprocess.rate or 1.0, "s" if preprocess.rate else "samples"
    names, votes = (*network.classes, UNKNOWN)[: answers.shape[1]], answers
    if len(names) > len(network.classes):  # an unknown window speaks for no class
        votes = np.column_stack([answers[:, :-1] * (1 - answers[:, -1:]), answers[:, -1]])
    segments: list[Segment] = []
    for number in np.unique(windows.recording).tolist():
        item, own = recordings[number], np.flatnonzero(windows.recording == number)
        found = stretches(votes[own], windows.starts[own], windows.window, len(item), shortest)
        for one in found:
            label = names[one.label]
            times = one.first / rate, one.stop / rate
            segments.append(Segment(item.name, *times, label, one.probability))
        name = "timeline.png" if len(recordings) == 1 else f"timeline_{number + 1}.png"
        if number < MOST_PICTURES:
            draw_timeline(
                item.values,
                item.channels,
                [Bar(one.first, one.stop, one.label) for one in found],
                names,
                inside / name,
                rate=preprocess.rate,
                known=list(known_bars(item, recordings, network.classes)),
                title=item.name,
            )
    head = ["recording", f"start_{unit}", f"stop_{unit}"]
    rows = [[f.recording, f.start, f.stop, f.label, f"{f.probability:.6g}"] for f in segments]
    _write(inside / SEGMENTS, [*head, "label", "probability"], rows)
    rows = [
        [name, start / rate, (start + windows.window) / rate, *(f"{x:.6g}" for x in answer)]
        for name, start, answer in zip(
            (recordings[n].name for n in windows.recording.tolist()),
            windows.starts.tolist(),
            answers,
            strict=True,
        )
    ]
    _write(inside / WINDOWS, [*head, *names], rows)
    return Timeline(path, folder, unit, tuple(segments))


def _earlier(folder: Path, source: Path) -> list[str]:
    """Names of the files of an earlier timeline in `folder`, which a new one takes the place of.

    Raises MartletError when it would replace the recording itself, or others' files.
    """
    there = [path for path in sorted(folder.iterdir()) if _OURS.fullmatch(path.name)]
    names = [path.name for path in there]
    if source.exists() and any(path.samefile(source) for path in there):
        raise MartletError(
            f"output={str(folder)!r} holds {str(source)!r} itself, which a timeline would replace; "
            "give another folder as --output."
        )
    if names and not {SEGMENTS, WINDOWS}.issubset(names):
        raise MartletError(
            f"output={str(folder)!r} holds {names[0]!r}, which is of no timeline that martlet "
            "wrote and would be replaced; give another folder as --output."
        )
    return names


def window_answers(
    network: Network, windows: Windows, voice: Voice, threshold: Unknown | None = None
) -> NDArray[np.float64]:
    """Probabilities (windows, classes). Raises MartletError for what is no number.

    threshold: there is a column more, which has 1 for windows below it, else 0.
    """
    batch, parts = eval_batch_size(network.preprocess.shape), []
    with voice.counting("labelling windows") as count:
        for start in range(0, len(windows), batch):
            chosen = range(start, min(start + batch, len(windows)))
            inputs = network.preprocess.normalise(np.stack([windows[i] for i in chosen]))
            logits = network.logits(inputs)
            parts.append(softmax(logits))
            if threshold is not None:
                unknown = threshold.is_unknown(logits)[:, None]
                parts[-1] = np.concatenate([parts[-1], unknown], axis=1)
            count(chosen.stop, len(windows))
    answers = np.concatenate(parts)
    if not np.isfinite(answers).all():
        raise MartletError(f"the output of {network.path} is not a number for these recordings.")
    return answers


def known_bars(item: Recording, recordings: Recordings, classes: Sequence[str]) -> Iterator[Bar]:
    """The labels that a recording has in its file, of classes that the network knows."""
    number = {one_form(name): index for index, name in enumerate(classes)}
    of = [number.get(one_form(name), -1) for name in recordings.classes] + [-1]
    if item.labels is None:
        if item.label is not None and of[item.label] >= 0:
            yield Bar(0, len(item), of[item.label])
        return
    edges = [0, *(np.flatnonzero(np.diff(item.labels)) + 1).tolist(), len(item)]
    for first, stop in pairwise(edges):
        label = of[int(item.labels[first])]
        if label >= 0:
            yield Bar(first, stop, label)


def _write(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    write_text(path, text.getvalue())
