"""What `import martlet` gives, and what it costs."""

import pkgutil
import subprocess
import sys

import pytest

import martlet

HEAVY = ("torch", "torchvision", "matplotlib", "sklearn", "tensorboard", "onnx", "onnxruntime")


@pytest.mark.parametrize("name", martlet.__all__)
def test_a_public_name(name: str) -> None:
    assert name in dir(martlet)
    assert callable(getattr(martlet, name))
    assert getattr(martlet, name).__doc__


def test_no_module_has_the_name_of_a_verb() -> None:
    """It would take the place of the verb when it is imported."""
    modules = {module.name for module in pkgutil.iter_modules(martlet.__path__)}
    assert not modules & set(martlet.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = martlet.trian


@pytest.mark.parametrize(
    ("modules", "libraries"),
    [
        ("martlet", HEAVY),
        ("martlet.cli.main", HEAVY),
        ("martlet.inference", HEAVY),
        ("martlet.data.cache, martlet.data.split, martlet.data.pictures.digits", HEAVY),
        ("martlet.exporting", ("onnx", "onnxscript", "onnxruntime")),
    ],
)
def test_heavy_libraries_wait_for_the_first_call(modules: str, libraries: tuple[str, ...]) -> None:
    program = f"import sys, {modules}; print({set(libraries)} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"
