"""NAME_picture.h: how a picture becomes the network's input, and what its outputs are called."""

from collections.abc import Mapping
from typing import Any

from martlet.compiler.codegen.c_text import floats, string, wrapped
from martlet.compiler.codegen.metadata import damage_told
from martlet.compiler.codegen.unknown_header import include_unknown


def picture_header(name: str, meta: Mapping[str, Any]) -> str | None:
    """The C header of classes and preprocessing; None when the ONNX file does not say them.

    Raises MartletError when what it says is damaged.
    """
    if "preprocess" not in meta or "classes" not in meta:
        return None
    with damage_told():
        if meta["preprocess"].get("kind", "image") not in ("image", "boxes"):
            return None
        return wrapped(_text(name, meta))


def _text(name: str, meta: Mapping[str, Any]) -> str:
    big, how, classes = name.upper(), meta["preprocess"], meta["classes"]
    size, crop = int(how["size"]), {"crop": 1, "squash": 0}[how["rule"]]
    side = round(size / float(how["crop_pct"])) if crop else size
    bicubic = {"bilinear": 0, "bicubic": 1}[how["interpolation"]]
    order = {"RGB": "{0, 1, 2}", "BGR": "{2, 1, 0}", "L": "{0}"}[how["channels"]]
    pairs = list(zip(map(float, how["mean"]), map(float, how["std"]), strict=True))
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
static const float {big}_SCALE[] = {{{floats(1 / (255 * std) for _, std in pairs)}}};
static const float {big}_BIAS[] = {{{floats(-mean / std for mean, std in pairs)}}};
static const char *const {big}_CLASS[] = {{
{names}}};
{include_unknown(name, meta)}
#endif
"""
