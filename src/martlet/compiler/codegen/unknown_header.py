"""NAME_unknown.h: whether an answer is of a class that the network knows."""

from collections.abc import Mapping
from typing import Any

from martlet.compiler.codegen.c_text import floats, wrapped
from martlet.compiler.codegen.metadata import damage_told

# The score of logits of which `highest` is the largest; APART floats lie between two of them.
SCORES = {
    "max_logit": ("the highest logit", "highest"),
    "energy": ("log(sum of exp(logit))", "highest + logf(sum)"),
    "probability": ("the probability of the answer", "1 / sum"),
}


def include_unknown(name: str, meta: Mapping[str, Any]) -> str:
    """The line of another header that includes it; nothing where the file has no threshold."""
    return f'\n#include "{name}_unknown.h"\n' if meta.get("unknown") else ""


def unknown_header(name: str, meta: Mapping[str, Any]) -> str | None:
    """The C header of the threshold; None when the ONNX file says none.

    Raises MartletError when what it says is damaged.
    """
    if not meta.get("unknown"):
        return None
    with damage_told():
        return wrapped(_text(name, meta["unknown"], len(meta["classes"])))


def _text(name: str, unknown: Mapping[str, Any], classes: int) -> str:
    big, (words, result) = name.upper(), SCORES[unknown["score"]]
    below, share = floats([float(unknown["below"])]), f"{100 * float(unknown['share']):g}"
    sum_up = f"""
  float sum = 0;
  for (int i = 0; i < {classes}; i++) sum += expf(logits[i * apart] - highest);"""
    return f"""\
#ifndef {big}_UNKNOWN_H
#define {big}_UNKNOWN_H

#include <math.h>
#include <stddef.h>

/* A sample is of no class that the network knows where its score is below this. Of the validation
   samples, all of known classes, {share} of 100 are. */
#define {big}_UNKNOWN_BELOW {below}

/* The score of one answer: {words}. `apart` floats lie from one class's logit to the next: 1, or
   of a tile of a scene its number of pixels. */
static inline float {name}_known_score(const float *logits, size_t apart) {{
  float highest = logits[0];
  for (int i = 1; i < {classes}; i++)
    if (logits[i * apart] > highest) highest = logits[i * apart];{sum_up * ("sum" in result)}
  return {result};
}}

#endif
"""
