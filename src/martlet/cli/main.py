"""The command line: each verb parses, calls the API function of the same name, prints.

Options, types, defaults and help are read off the API function's signature, so they are written
in one place only. Nothing heavy is imported until a verb runs: `martlet --help` answers at once.
"""

import inspect
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from martlet.api.compile import compile
from martlet.api.convert import convert
from martlet.api.demo import demo
from martlet.api.evaluate import evaluate
from martlet.api.explain import explain
from martlet.api.export import export
from martlet.api.list import list_networks
from martlet.api.measure import measure
from martlet.api.predict import predict
from martlet.api.reproduce import reproduce
from martlet.api.shard import shard
from martlet.api.show import show
from martlet.api.train import train
from martlet.cli.recipe_option import reader
from martlet.cli.standing_alone import flags_of, with_values
from martlet.console.printable import print_what_can_be, printable
from martlet.console.result import print_result
from martlet.errors import MartletError
from martlet.named_values import assignments
from martlet.version import __version__
from martlet.workflows.allocator import keep_freed_memory
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.processes import speaks

GRACE_SECONDS = 3.0  # torchrun ends all other processes as soon as one of them has failed

app = typer.Typer(
    name="martlet",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Small, swift convolutional networks, from labelled data to the device.",
)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"martlet {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """Options that stand before a verb."""


def main() -> None:
    """Entry point of the `martlet` command: errors are one line and exit code 2.

    A signal to end removes what is half done first; a second one ends at once.
    """
    for word in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, word, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    print_what_can_be()
    if speaks():
        code = _carry_out()
    else:  # of several processes; a traceback, of a mistake of ours, is printed all the same
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            code = _carry_out()
        time.sleep(GRACE_SECONDS if code else 0)  # the first process says what is wrong
    try:
        sys.stdout.flush()
    except OSError as error:  # Python would try once more at its end, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or _told(error, "standard output")
    sys.exit(code)


def _carry_out() -> int | str | None:
    """Run what the command line says; the exit code, with the error said."""
    try:
        words = sys.argv[1:]
        alone = with_values(words, flags_of(train) if words[:1] == ["train"] else [])
        app(alone, prog_name="martlet")
    except SystemExit as end:
        return end.code
    except MartletError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _told(error, error.filename)
    return 0


def _told(error: OSError, where: Any) -> int:
    """Say what the system refused, and where; the exit code."""
    if isinstance(error, BrokenPipeError):  # `martlet list | head`
        sys.stderr.close()
        return 141
    place = "" if where is None else f"{where}: "
    print(f"error: {printable(f'{place}{error.strerror or error}')}.", file=sys.stderr)
    return 2


def _end(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


def add(
    verb: Callable[..., Any],
    printer: str,
    name: str,
    options: type | None = None,
    to: typer.Typer = app,
) -> None:
    """Make `verb` a command with the parameters of its signature, and --json.

    `printer` names what shows the result, a function of a file in console/: "tables.exported". A
    verb that takes `options` takes them from a file too: --recipe. `predict` answers in other
    formats, too.
    """
    own = inspect.signature(verb).parameters.values()
    parameters = [_for_typer(parameter) for parameter in own]
    first = [parameter.name for parameter in own if parameter.kind is parameter.POSITIONAL_ONLY]
    tables = [p.name for p in own if _is_table(get_args(p.annotation)[0])]
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    extra: dict[str, Any] = {
        "json": Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
    }
    if options is not None:
        extra["recipe"] = Annotated[
            str | None,
            typer.Option(
                help="Shipped recipe (`martlet list --recipes`) or TOML file; flags win.",
                callback=reader(options),
                is_eager=True,
            ),
        ]
    defaults: dict[str, Any] = {"json": False, "recipe": None, "format": "table"}
    if verb is predict:
        extra["format"] = Annotated[
            Literal["table", "json", "jsonl", "csv"],
            typer.Option(help="Of the answers; jsonl: a line of JSON for each answer."),
        ]
    for option, annotation in extra.items():
        parameters.append(
            inspect.Parameter(
                option,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults[option],
                annotation=annotation,
            )
        )

    def run(context: typer.Context, **given: Any) -> None:
        # `export` has a format of its own: of the file, not of the answer.
        form = given.pop("format") if verb is predict else "table"
        as_json = given.pop("json")
        given.pop("recipe", None)
        positional = [given.pop(name) for name in first]
        for name in tables:
            given[name] = assignments(given[name], name) if given[name] else None
        if verb is train:
            keep_freed_memory()
        asked = {name: given[name] for name in given if _asked(context, name)}
        if _sources(context, "time", "epochs") == ("COMMANDLINE", "DEFAULT_MAP"):
            del asked["epochs"]  # of a recipe: a flag that says the same wins
        result = verb(*positional, **asked)
        if form != "table" or as_json or options is None or not given["quiet"]:
            print_result(result, "json" if as_json else form, printer)
        if verb is reproduce and getattr(result, "failed", None):
            raise typer.Exit(1)  # the table has the reasons
        if verb in (predict, explain) and all(answer.error is not None for answer in result):
            raise typer.Exit(1)  # the reasons are printed

    run.__doc__ = _for_people(inspect.getdoc(verb) or "")
    run.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in [context, *parameters]}
    to.command(name)(run)


def _asked(context: typer.Context, name: str) -> bool:
    """Whether an option was given, on the command line or in a recipe; not its default."""
    return _sources(context, name)[0] not in ("", "DEFAULT")


def _sources(context: typer.Context, *names: str) -> tuple[str, ...]:
    """Where options come from: DEFAULT, COMMANDLINE, DEFAULT_MAP (a recipe); "" for no option."""
    found = (context.get_parameter_source(name) for name in names)
    return tuple("" if source is None else source.name for source in found)


def _for_typer(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter `Annotated[type, help]` in the words of typer; flags may follow the help."""
    kind, text, *more = get_args(parameter.annotation)
    flags = [flag for flag in more if isinstance(flag, str)]
    if get_origin(kind) is Sequence:
        (one,) = get_args(kind)
        kind = list[next(iter(get_args(one)), one)]  # type: ignore[misc]  # what a text can say
    if _is_table(kind):
        kind = list[str] | None
    elif get_origin(kind) is not list and str in get_args(kind):  # a text says the other types too
        kind = str | None
    elif get_origin(kind) is not list and object in get_args(kind):  # things of Python's
        kind = Path | None
    default = parameter.default
    required = default is parameter.empty and parameter.kind is not parameter.KEYWORD_ONLY
    if required or parameter.kind is parameter.POSITIONAL_ONLY:
        mark: Any = typer.Argument(help=text, readable=False)
    else:
        mark = typer.Option(*flags, help=text, show_default=default is not None)
    return parameter.replace(
        annotation=Annotated[kind, mark],
        kind=inspect.Parameter.KEYWORD_ONLY,
        default=list(default) if isinstance(default, tuple) else default,
    )


def _is_table(kind: Any) -> bool:
    """Whether an option holds values by name, which the command line takes as NAME=VALUE."""
    return any(get_origin(one) is Mapping for one in (kind, *get_args(kind)))


def _for_people(docstring: str) -> str:
    """The paragraphs before the one on what Python's caller gets or must catch."""
    paragraphs = docstring.split("\n\n")
    kept = [p for p in paragraphs if not p.startswith(("Raises", "Returns", "Args"))]
    flowing = (" ".join(p.split()) for p in kept)
    return "\n\n".join(p.split(" Raises MartletError")[0] for p in flowing)


add(train, "tables.trained", "train", TrainOptions)
for _verb, _printer, _name in (
    (demo, "tables.nothing", "demo"),
    (evaluate, "tables.evaluated", "evaluate"),
    (predict, "tables.predicted", "predict"),
    (explain, "tables.explained", "explain"),
    (export, "tables.exported", "export"),
    (convert, "tables.converted", "convert"),
    (measure, "tables.measured", "measure"),
    (compile, "tables.compiled", "compile"),
    (list_networks, "network_tables.listed", "list"),
    (show, "network_tables.shown", "show"),
    (shard, "tables.sharded", "shard"),
    (reproduce, "experiment_tables.reproduced", "reproduce"),
):
    add(_verb, _printer, _name)
