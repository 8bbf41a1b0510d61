"""NAME_samples.h: how a sensor's sample becomes the network's, and its channels and classes."""

from collections.abc import Mapping
from typing import Any

from martlet.compiler.codegen.c_text import floats, string, wrapped
from martlet.compiler.codegen.header import Facts
from martlet.compiler.codegen.metadata import damage_told
from martlet.compiler.codegen.unknown_header import include_unknown


def samples_header(facts: Facts, meta: Mapping[str, Any]) -> str | None:
    """The C header of a network of recordings; None when the ONNX file says nothing of any.

    Where samples are pushed it has a function that takes them unscaled. Raises MartletError when
    what the file says is damaged.
    """
    if "preprocess" not in meta or "classes" not in meta:
        return None
    with damage_told():
        if meta["preprocess"].get("kind") != "series":
            return None
        return wrapped(_text(facts, meta))


def _text(facts: Facts, meta: Mapping[str, Any]) -> str:
    name, how, classes = facts.program.name, meta["preprocess"], list(map(str, meta["classes"]))
    big, channels, rate = name.upper(), list(map(str, how["channels"])), how["rate"]
    window, stride = int(how["window"]), int(how["stride"])
    pairs = list(zip(map(float, how["mean"]), map(float, how["std"]), strict=True))
    shapes = [facts.program.shape(maps)[1:] for _, maps in facts.program.inputs]
    if len(pairs) != len(channels) or shapes != [(1, window, len(channels))]:
        raise ValueError(f"{len(pairs)} scales of {len(channels)} channels, input {shapes}")
    hertz = "" if rate is None else f"#define {big}_RATE {float(rate)!r} /* samples a second */\n"
    return f"""\
#ifndef {big}_SAMPLES_H
#define {big}_SAMPLES_H

#include "{name}.h"

/* A sample is a number of each of CHANNELS channels, in the order of CHANNEL and in the units of
   the recordings that the network was trained on. Values are scaled: (value - MEAN) * SCALE. It
   learnt from windows of WINDOW samples, STRIDE apart. */
#define {big}_CHANNELS {len(channels)}
#define {big}_WINDOW {window}
#define {big}_STRIDE {stride}
{hertz}#define {big}_CLASSES {len(classes)}

static const float {big}_MEAN[] = {{{floats(mean for mean, _ in pairs)}}};
static const float {big}_SCALE[] = {{{floats(1 / std for _, std in pairs)}}};
static const char *const {big}_CHANNEL[] = {{
{_strings(channels)}}};
static const char *const {big}_CLASS[] = {{
{_strings(classes)}}};

/* One sample as sensors give it, CHANNELS floats, becomes one as the network takes it. Both may be
   the same array. */
static inline void {name}_scale(const float *raw, float *sample) {{
  for (int c = 0; c < {big}_CHANNELS; c++) {{
    const float centred = raw[c] - {big}_MEAN[c]; /* rounded here, whatever the processor */
    sample[c] = centred * {big}_SCALE[c];
  }}
}}
{_push(facts)}{include_unknown(name, meta)}
#endif
"""


def _push(facts: Facts) -> str:
    """The function that takes a sample as it comes; nothing where none are pushed."""
    if facts.program.series is None:
        return ""
    name, big = facts.program.name, facts.program.name.upper()
    more = ", weights" if facts.weights == "file" else ""
    return f"""
/* {name}_push of a sample as sensors give it. NaN and infinite values spoil every window that they
   lie in: where samples are missing, set all bytes of the stream to 0 and go on behind them. */
static inline {facts.push_signature("weights", raw=True)} {{
  float sample[{big}_CHANNELS];
  {name}_scale(raw, sample);
  return {name}_push(sample, output0, stream{more});
}}
"""


def _strings(names: list[str]) -> str:
    return "".join(f"    {string(name)},\n" for name in names)
