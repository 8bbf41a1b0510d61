"""swiftlet: small, swift convolutional networks, from labelled data to the device.

The public names are looked up when they are first used, so that `import swiftlet` stays quick:
torch is imported by the first call that needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swiftlet.api.compile import compile
    from swiftlet.api.convert import convert
    from swiftlet.api.demo import demo
    from swiftlet.api.evaluate import evaluate
    from swiftlet.api.export import export
    from swiftlet.api.measure import measure
    from swiftlet.api.predict import predict
    from swiftlet.api.recipes import load_recipe
    from swiftlet.api.run import Run
    from swiftlet.api.show import show
    from swiftlet.api.train import train
    from swiftlet.compiler.compiled import CompiledNetwork
    from swiftlet.errors import SwiftletError
    from swiftlet.measuring.cost import cost
    from swiftlet.models import create_model, list_models, spec

__version__ = "0.1.0"

_HOMES = {
    "CompiledNetwork": "compiler.compiled",
    "Run": "api.run",
    "SwiftletError": "errors",
    "compile": "api.compile",
    "convert": "api.convert",
    "cost": "measuring.cost",
    "create_model": "models",
    "demo": "api.demo",
    "evaluate": "api.evaluate",
    "export": "api.export",
    "list_models": "models",
    "load_recipe": "api.recipes",
    "measure": "api.measure",
    "predict": "api.predict",
    "show": "api.show",
    "spec": "models",
    "train": "api.train",
}

__all__ = [
    "CompiledNetwork",
    "Run",
    "SwiftletError",
    "compile",
    "convert",
    "cost",
    "create_model",
    "demo",
    "evaluate",
    "export",
    "list_models",
    "load_recipe",
    "measure",
    "predict",
    "show",
    "spec",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'swiftlet' has no attribute {name!r}")
    value = getattr(import_module(f"swiftlet.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
