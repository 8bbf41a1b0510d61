"""martlet: small, swift convolutional networks, from labelled data to the device.

The public names are looked up when they are first used, so that `import martlet` stays quick:
torch is imported by the first call that needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from martlet.version import __version__ as __version__

if TYPE_CHECKING:
    from martlet.api.compile import compile
    from martlet.api.convert import convert
    from martlet.api.demo import demo
    from martlet.api.evaluate import evaluate
    from martlet.api.explain import explain
    from martlet.api.export import export
    from martlet.api.load import load
    from martlet.api.measure import measure
    from martlet.api.predict import predict
    from martlet.api.shard import shard
    from martlet.api.show import show
    from martlet.api.train import train
    from martlet.compiler.runtime.network import CompiledNetwork
    from martlet.errors import MartletError
    from martlet.measuring.cost import cost
    from martlet.models import create_model, list_models, spec
    from martlet.workflows.recipe_file import load_recipe
    from martlet.workflows.run_folder import Run
    from martlet.workflows.stream import Stream, StreamAnswer

_HOMES = {
    "CompiledNetwork": "compiler.runtime.network",
    "Run": "workflows.run_folder",
    "Stream": "workflows.stream",
    "StreamAnswer": "workflows.stream",
    "MartletError": "errors",
    "compile": "api.compile",
    "convert": "api.convert",
    "cost": "measuring.cost",
    "create_model": "models",
    "demo": "api.demo",
    "evaluate": "api.evaluate",
    "explain": "api.explain",
    "export": "api.export",
    "list_models": "models",
    "load": "api.load",
    "load_recipe": "workflows.recipe_file",
    "measure": "api.measure",
    "predict": "api.predict",
    "reproduce": "api.reproduce",
    "shard": "api.shard",
    "show": "api.show",
    "spec": "models",
    "train": "api.train",
}

__all__ = [
    "CompiledNetwork",
    "MartletError",
    "Run",
    "Stream",
    "StreamAnswer",
    "compile",
    "convert",
    "cost",
    "create_model",
    "demo",
    "evaluate",
    "explain",
    "export",
    "list_models",
    "load",
    "load_recipe",
    "measure",
    "predict",
    "reproduce",
    "shard",
    "show",
    "spec",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'martlet' has no attribute {name!r}")
    value = getattr(import_module(f"martlet.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
