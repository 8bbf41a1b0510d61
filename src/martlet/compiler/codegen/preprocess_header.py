"""NAME_picture.h: how a picture becomes the network's input, and what its outputs are called."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from martlet.compiler.codegen.c_text import string, wrapped
from martlet.errors import MartletError


def picture_header(name: str, meta: Mapping[str, Any]) -> str | None:
    """The C header of classes and preprocessing; None when the ONNX file does not say them.

    Raises MartletError when what it says is damaged.
    """
    if "preprocess" not in meta or "classes" not in meta:
        return None
    try:
        if meta["preprocess"].get("kind", "image") != "image":
            return None
        return wrapped(_text(name.upper(), meta["preprocess"], meta["classes"]))
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise MartletError(
            f"the ONNX file's martlet metadata is damaged ({type(error).__name__}: {error}); "
            "export it again."
        ) from error


def _text(big: str, how: Mapping[str, Any], classes: list[str]) -> str:
    size, crop = int(how["size"]), {"crop": 1, "squash": 0}[how["rule"]]
    side = round(size / float(how["crop_pct"])) if crop else size
    bicubic = {"bilinear": 0, "bicubic": 1}[how["interpolation"]]
    order = {"RGB": "{0, 1, 2}", "BGR": "{2, 1, 0}", "L": "{0}"}[how["channels"]]
    pairs = list(zip(map(float, how["mean"]), map(float, how["std"]), strict=True))
    scale = ", ".join(f"{np.float32(1 / (255 * std)):.9g}f" for _, std in pairs)
    bias = ", ".join(f"{np.float32(-mean / std):.9g}f" for mean, std in pairs)
    names = "".join(f"    {string(str(label))},\n" for label in classes)
    return f"""\
#ifndef {big}_PICTURE_H
#define {big}_PICTURE_H

/* A picture is resized, antialiased: its short side to SIDE and the long side in proportion, and
   the middle SIZE x SIZE is cut out; or, where CROP is 0, both sides to SIZE. A value of 0 to 255
   then becomes value * SCALE + BIAS; the planes of the colours follow each other. */
#define {big}_SIZE {size}
#define {big}_CROP {crop}
#define {big}_SIDE {side}
#define {big}_BICUBIC {bicubic} /* else bilinear */
#define {big}_CHANNELS {len(pairs)} /* 1: grey, 0.299 red + 0.587 green + 0.114 blue */
#define {big}_CLASSES {len(classes)}

static const int {big}_ORDER[] = {order}; /* of red, green and blue */
static const float {big}_SCALE[] = {{{_floats(scale)}}};
static const float {big}_BIAS[] = {{{_floats(bias)}}};
static const char *const {big}_CLASS[] = {{
{names}}};

#endif
"""


def _floats(listed: str) -> str:
    """Whole numbers need a point before the f."""
    words = (word if {".", "e"} & {*word} else word[:-1] + ".0f" for word in listed.split(", "))
    return ", ".join(words)
