"""A value of another type is refused in one sentence, whichever option it is."""

import re
from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch

import martlet
from martlet.arguments import checked
from martlet.errors import MartletError
from martlet.models import create_model, list_models
from martlet.models.table import find

SHARED = ("num_classes", "in_chans", "drop_rate", "small_input", "pretrained", "features_only")


class Odd:
    """A value of no type that any option takes."""


@pytest.mark.parametrize("name", list_models())
def test_every_option_of_every_network_is_checked(name: str) -> None:
    own = [option for option in signature(find(name)[0].build).parameters if option != "variant"]
    for option in {*SHARED, *own}:
        with pytest.raises(MartletError, match=rf"^{name}: {option}=.* is not accepted; give "):
            create_model(name, **{option: Odd()})


@pytest.mark.parametrize(
    ("name", "option", "value", "sentence"),
    [
        ("resnet50", "stride_first", "False", "'False' is not accepted; give True, False or None"),
        ("resnet18", "small_input", "false", "'false' is not accepted; give True or False"),
        ("resnet18", "pretrained", "yes", "'yes' is not accepted; give True or False"),
        ("resnet18", "num_classes", "10", "'10' is not accepted; give a whole number"),
        ("resnet18", "num_classes", 2.5, "2.5 is not accepted"),
        ("resnet18", "num_classes", True, "True is not accepted"),
        ("resnet18", "in_chans", 1.5, "1.5 is not accepted"),
        ("resnet18", "drop_rate", "x", "'x' is not accepted; give a number"),
        ("resnet18", "attention", 3, "3 is not accepted; give text, a mapping, an Attention"),
        ("hybridsn", "window", "9", "'9' is not accepted; give a whole number"),
        ("shufflenet_series", "width", "1", "'1' is not accepted; give a number or None"),
        ("shufflenet_series", "stem", 3, "3 is not accepted; give 'separable', 'full' or None"),
        ("mobilenet_v1_x1_0", "act", ["relu"], "['relu'] is not accepted; give 'relu', 'relu6'"),
        ("shufflenet_v2_x1_0", "shuffle", False, "False is not accepted; give 'after', 'even_odd'"),
        ("shufflenet_v1_g3_x1_0", "stem", 6.0, "6.0 is not accepted; give a whole number or None"),
    ],
)
def test_the_sentence(name: str, option: str, value: object, sentence: str) -> None:
    with pytest.raises(MartletError) as caught:
        create_model(name, **{option: value})  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{name}: {option}={sentence}")


def test_a_long_value_is_cut() -> None:
    with pytest.raises(MartletError) as caught:
        create_model("resnet18", num_classes=np.arange(10_000))  # type: ignore[arg-type]
    assert len(str(caught.value)) < 120


def test_numpys_numbers_are_numbers() -> None:
    options: dict[str, Any] = {"num_classes": np.int64(5), "in_chans": np.int32(2)}
    model = create_model("shufflenet_v2_x0_5", **options, drop_rate=np.float32(0.5))
    assert (type(model.num_classes), type(model.in_chans)) == (int, int)
    assert create_model("shufflenet_series", width=1).num_features == 512


@pytest.mark.parametrize("name", ["se_mobilenet_v1_x1_0", "mobilenet_v1_x1_0", "hybridsn"])
def test_no_attention_at_all(name: str) -> None:
    with torch.device("meta"):
        model = create_model(name, attention=False)
    assert not any("attention" in key for key in model.state_dict())


def test_a_name_that_is_none() -> None:
    with pytest.raises(MartletError, match="model '5' is not known"):
        create_model(5)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: martlet.predict("run", "a.jpg", top="3"), "top='3' is not accepted; give a whole"),
        (lambda: martlet.predict("run", ["a.jpg", ""]), "'a.jpg', ''] is not accepted; give a"),
        (lambda: martlet.predict("run", "a\0.jpg"), "is not accepted; give a sequence of paths"),
        (lambda: martlet.predict("run", b""), "pictures=b'' is not accepted; give a sequence of"),
        (lambda: martlet.predict("run", "a.jpg", tops=3), "option 'tops' is not known; did you"),
        (lambda: martlet.evaluate(3, "photos"), "run=3 is not accepted; give a path"),
        (lambda: martlet.evaluate("run", "photos", split="tset"), "did you mean test"),
        (lambda: martlet.measure("run", seconds=True), "seconds=True is not accepted; give a num"),
        (lambda: martlet.convert("a.pth", source="timm", model=3), "model=3 is not accepted"),
        (lambda: martlet.demo(epochs="3"), "epochs='3' is not accepted; give a whole number"),
        (lambda: martlet.export(5), "run=5 is not accepted; give a path"),
        (lambda: martlet.show("resnet18", image_size=32.5), "image_size=32.5 is not accepted"),
    ],
)
def test_arguments_of_verbs_are_checked_by_their_signature(
    call: Callable[[], object], sentence: str
) -> None:
    with pytest.raises(MartletError, match=re.escape(sentence)):
        call()


@pytest.mark.parametrize("kind", [int, float, int | None])
@pytest.mark.parametrize("value", [2**63, -(2**64), 10**400, -(10**5000)], ids=range(4))
def test_numbers_of_more_than_63_bits(kind: object, value: int) -> None:
    with pytest.raises(MartletError, match=r"^epochs is a (negative )?number of \d+ bits; accept"):
        checked("epochs", value, kind)
    assert checked("epochs", 2**63 - 1, kind) == pytest.approx(2**63)
    assert checked("epochs", 1e300, float) == 1e300
