"""The sections of report.html, each from the part of the page's data that it shows."""

from html import escape
from typing import TYPE_CHECKING

from martlet.report import markup
from martlet.report.result import PART_NAMES, caveats, percent, sentence, wilson

if TYPE_CHECKING:
    from martlet.report.page import ClassRow, Page

_LONG = 20  # rows, from where on a table is folded
_WEAKEST = 10  # classes shown above a folded table


def result(page: "Page") -> str:
    """The figure, its interval drawn to scale, and what it cannot promise."""
    told = markup.paragraph(sentence(page.network, page.part, page.correct, page.total))
    if page.total == 0:
        return markup.section("result", "Result", told)
    share = page.correct / page.total
    low, high = wilson(page.correct, page.total)
    cards = [("accuracy", percent(share), f"95 %: {percent(low)} to {percent(high)}")]
    if page.balanced_accuracy is not None:
        cards.append(("balanced accuracy", percent(page.balanced_accuracy), "mean over classes"))
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd>{escape(note)}</dd></div>"
        for name, value, note in cards
    )
    scale = (
        '<div class="interval" aria-hidden="true">'
        f'<i style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>'
        f'<b style="left:{100 * share:.2f}%"></b></div>'
        '<div class="ends" aria-hidden="true"><span>0</span><span>100 %</span></div>'
    )
    support = [(row.name, row.support) for row in page.per_class]
    notes = caveats(page.part, page.chose_checkpoint, page.correct, page.total, support)
    return markup.section(
        "result",
        "Result",
        told.replace("<p>", '<p class="lead">'),
        f'<dl class="cards">{figures}</dl>{scale}',
        "".join(f'<p class="note">{escape(note)}</p>' for note in notes),
    )


def data(page: "Page") -> str:
    """Classes, pictures per part and class, and files that stood out."""
    parts = {PART_NAMES.get(part, part): list(counts) for part, counts in page.counts.items()}
    content = []
    if parts:
        total = sum(sum(counts) for counts in parts.values())
        each = ", ".join(f"{sum(counts):,} {part}" for part, counts in parts.items())
        classes = f"{len(page.classes):,} classes"
        content.append(markup.paragraph(f"{total:,} pictures in {classes}: {each}."))
        rows = [
            (str(label), name, *(f"{counts[label]:,}" for counts in parts.values()))
            for label, name in enumerate(page.classes)
        ]
        label = "Pictures per class"
        listed = markup.table(("#", "class", *parts), rows, label, texts=2)
        content.append(listed if len(rows) <= _LONG else markup.folded(label, listed))
    if page.odd:
        content += ["<h3>Files that stood out</h3>", markup.bullets(page.odd)]
    return markup.section("data", "Data", *content)


def pictures(page: "Page") -> str:
    """The three pictures, a section each."""
    shown = (
        ("curves", "Training", page.curves, "Curves of accuracy and loss"),
        ("confusion", "Which class is taken for which", page.confusion, "Confusion matrix"),
        ("predictions", "Pictures", page.predictions, "Sheet of pictures with predictions"),
    )
    return "\n".join(
        markup.section(name, title, markup.picture(path, name, alt))
        for name, title, path, alt in shown
        if path is not None
    )


def per_class(page: "Page") -> str:
    """Precision, recall, F1 and support of every class; the weakest first in a long table."""

    def listed(rows: "list[tuple[int, ClassRow]]", label: str) -> str:
        cells = [
            (str(number), row.name, percent(row.precision), percent(row.recall),
             percent(row.f1), f"{row.support:,}")
            for number, row in rows
        ]  # fmt: skip
        head = ("#", "class", "precision", "recall", "F1", "pictures")
        return markup.table(head, cells, label, texts=2)

    rows = list(enumerate(page.per_class))
    if not rows:
        return ""
    meaning = markup.paragraph(
        "Precision: of the pictures given this class, the share that is of it. Recall: of the "
        "pictures of this class, the share that was found. F1: their harmonic mean."
    )
    if len(rows) <= _LONG:
        return markup.section("classes", "Every class", listed(rows, "Every class"), meaning)
    weakest = sorted(rows, key=lambda pair: pair[1].f1)[:_WEAKEST]
    return markup.section(
        "classes",
        "Every class",
        f"<h3>The {_WEAKEST} with the lowest F1</h3>",
        listed(weakest, "Weakest classes"),
        markup.folded(f"All {len(rows):,} classes", listed(rows, "Every class")),
        meaning,
    )


def cost(page: "Page") -> str:
    """Params, MACs and bytes moved; then measured time, where it was measured."""
    content = []
    if page.cost is not None:
        figures = [("params", page.cost.params), ("MACs", page.cost.macs)]
        if page.cost.bytes_moved is not None:
            figures.append(("bytes moved", page.cost.bytes_moved))
        cards = "".join(
            f"<div><dt>{name}</dt><dd>{_short(value)}</dd><dd>{value:,}</dd></div>"
            for name, value in figures
        )
        content.append(f'<dl class="cards">{cards}</dl>')
        if page.cost.shape is not None:
            shape = " × ".join(str(side) for side in page.cost.shape)
            content.append(
                markup.paragraph(
                    f"For an input of {shape}. One MAC is one multiplication and one addition."
                )
            )
        if page.cost.without_macs:
            content.append(markup.paragraph(f"Operators without MACs: {page.cost.without_macs}."))
    if page.latency:
        rows = [
            (row.engine, str(row.threads), str(row.batch), _ms(row.median_ms),
             f"{_ms(row.p10_ms)} – {_ms(row.p90_ms)}", _rate(1000 * row.batch, row.median_ms))
            for row in page.latency
        ]  # fmt: skip
        head = ("engine", "threads", "batch", "median, ms", "p10 – p90, ms", "pictures/s")
        content += ["<h3>Latency</h3>", markup.table(head, rows, "Latency")]
    return markup.section("cost", "Cost", *content)


def settings(page: "Page") -> str:
    """Recipe, machine, versions, and the command that makes the run again."""
    command = f"<pre><code>{escape(page.command)}</code></pre>" if page.command else ""
    return "\n".join(
        (
            markup.section("reproduce", "Make it again", command),
            '<div class="columns">',
            markup.section("recipe", "Recipe", markup.pairs(page.recipe)),
            markup.section("machine", "Machine", markup.pairs(page.machine)),
            markup.section("versions", "Versions", markup.pairs(page.versions)),
            "</div>",
        )
    )


def _short(value: int) -> str:
    """1234567 -> "1.23 M"."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            return f"{value / size:.3g}\u00a0{unit}"
    return str(value)


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _rate(pictures: float, milliseconds: float) -> str:
    return f"{pictures / milliseconds:,.0f}" if milliseconds > 0 else "–"
