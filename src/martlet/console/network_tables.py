"""What `list` and `show` print: rows beside the papers' figures, layers, costs; and recipes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from martlet.console.grid import columns, fill, out, show_table
from martlet.workflows.shipped_recipes import ShippedRecipe

if TYPE_CHECKING:
    from martlet.measuring.cost import Cost
    from martlet.models.spec import Spec
    from martlet.workflows.show import Shown


def cost_line(cost: "Cost", console: Console, what: str = "picture") -> None:
    """Params, MACs and bytes in one line; in another, what has no MACs."""
    console.print(
        f"{cost.params:,} params, {cost.macs / 1e6:.1f} M MACs, "
        f"{cost.bytes_moved / 1e6:.1f} MB moved per {what}"
    )
    if cost.uncounted:
        console.print(f"operators without MACs: {cost.without_macs()}", markup=False)


def listed(rows: "Sequence[Spec] | Sequence[ShippedRecipe]") -> None:
    """A row per network, the paper's figures and the weights' accuracy beside ours; or recipes."""
    recipes = [row for row in rows if isinstance(row, ShippedRecipe)]
    if recipes:
        recipes_listed(recipes)
        return
    table = columns(
        *("network", "params", "MACs (M)", "paper params", "paper MACs", "paper top-1 error %"),
        "weights top-1 %",
    )
    for row in rows:
        assert not isinstance(row, ShippedRecipe)
        paper = row.paper
        fill(
            table,
            row.name,
            f"{row.params:,}",
            f"{row.macs / 1e6:.1f}",
            paper.params or "",
            paper.macs or "",
            "" if paper.top1_error is None else f"{paper.top1_error}",
            "" if row.weights is None else f"{row.weights.top1}",
        )
    console = out()
    show_table(console, table)
    console.print(
        "MACs are those of convolutions, linear layers and matrix products; `martlet show` counts "
        "the other operators.",
        markup=False,
    )


def recipes_listed(recipes: "Sequence[ShippedRecipe]") -> None:
    """A recipe's name and what it is for, and below it what was measured."""
    console = out()
    for recipe in recipes:
        console.print(f"{recipe.name}: {recipe.purpose}", markup=False)
        console.print(f"    {recipe.header['result']}", markup=False)


def shown(found: "Shown") -> None:
    """A row per layer, the sums, then what the network's row says."""
    console, cost, row = out(), found.cost, found.spec
    table = columns("layer", "type", "output", "params", "MACs", "bytes moved", left=3)
    for layer in cost.layers:
        sizes = (f"{size:,}" for size in (layer.params, layer.macs, layer.bytes_moved))
        fill(table, layer.name, layer.type, "×".join(map(str, layer.output_shape)), *sizes)
    show_table(console, table)
    console.print()
    what = {"image": "picture"}.get(found.kind or row.input.kind, "window")
    cost_line(cost, console, what)
    if found.shape:
        console.print(f"input: {found.kind} of {'×'.join(map(str, found.shape))}", markup=False)
    for title, text in _said(row, found.options):
        console.print(f"{title}: {text}", markup=False)
    if found.classes:
        few = ", ".join(found.classes[:10]) + (", …" if len(found.classes) > 10 else "")
        console.print(f"classes: {few}", markup=False)
    for sentence in found.result:
        console.print(sentence, markup=False)
    if found.origin:
        console.print(f"trained: {found.origin}", markup=False)


def _said(row: "Spec", options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a row says about its network, without what it leaves open."""
    if options:
        given = ", ".join(f"{name}={value}" for name, value in options.items())
        standard = f"{row.params:,} params, {row.macs / 1e6:.1f} M MACs"
        yield "options", f"{given}; without them {standard}"
    shape = "×".join(map(str, row.input.shape))
    yield "standard form", f"{row.input.kind} of {shape}, {row.num_classes} classes"
    paper = row.paper
    figures = [f"{paper.params} params"] if paper.params else []
    if paper.macs:
        left_out = "" if paper.with_classifier else " without the classifier"
        figures.append(f"{paper.macs} MACs{left_out}")
    if paper.top1_error is not None:
        figures.append(f"top-1 error {paper.top1_error} %")
    if figures:
        yield "paper", ", ".join(figures) + (f" ({paper.source})" if paper.source else "")
    if row.note:
        yield "note", row.note
    if row.aliases:
        yield "also called", ", ".join(row.aliases)
    if row.weights:
        weights = row.weights
        yield (
            "weights",
            f"{weights.library} {weights.name}, top-1 {weights.top1} % at {weights.resize} pixels "
            f"before the crop, licence {weights.licence}",
        )
