"""What `import martlet` gives, and what it costs."""

import pkgutil
import subprocess
import sys

import pytest

import martlet

NAMES = [
    "CompiledNetwork",
    "MartletError",
    "Run",
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


def test_public_names() -> None:
    assert sorted(martlet.__all__) == NAMES
    assert set(NAMES) <= set(dir(martlet))
    for name in NAMES:
        assert callable(getattr(martlet, name)), name
        assert getattr(martlet, name).__doc__


@pytest.mark.parametrize(
    ("verb", "given", "sentence"),
    [
        ("convert", {"file": "a.pth", "source": "timm", "model": 3}, "model=3 is not accepted"),
        ("demo", {"epochs": "3"}, "epochs='3' is not accepted; give a whole number"),
        ("export", {"run": 5}, "run=5 is not accepted; give a path"),
        ("measure", {"run": "resnet18", "threads": "2"}, "threads='2' is not accepted"),
        ("show", {"name": "resnet18", "image_size": 32.5}, "image_size=32.5 is not accepted"),
    ],
)
def test_a_value_of_a_wrong_type_is_one_sentence(
    verb: str, given: dict[str, object], sentence: str
) -> None:
    with pytest.raises(martlet.MartletError, match=f"^{sentence}"):
        getattr(martlet, verb)(**given)


def test_no_module_has_the_name_of_a_verb() -> None:
    """It would take the place of the verb when it is imported."""
    assert not {module.name for module in pkgutil.iter_modules(martlet.__path__)} & set(NAMES)


@pytest.mark.slow
def test_a_verb_stays_callable_after_everything_is_imported() -> None:
    program = (
        "import martlet, pkgutil, importlib\n"
        "for m in pkgutil.walk_packages(martlet.__path__, 'martlet.'):\n"
        "    if m.name != 'martlet.__main__': importlib.import_module(m.name)\n"
        "assert all(callable(getattr(martlet, n)) for n in martlet.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = martlet.trian


@pytest.mark.parametrize("module", ["martlet", "martlet.cli.main", "martlet.inference"])
def test_heavy_libraries_wait_for_the_first_call(module: str) -> None:
    program = (
        f"import sys, {module}\n"
        "heavy = {'torch', 'torchvision', 'matplotlib', 'sklearn', 'tensorboard', 'onnxruntime'}\n"
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
