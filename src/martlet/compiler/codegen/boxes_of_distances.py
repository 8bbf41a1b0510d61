"""The part of NAME_boxes.h for answers with distances as distributions (see answers.py)."""

from collections.abc import Mapping
from math import prod
from typing import Any

from martlet.compiler.codegen.boxes_header_form import Form, maps_of

ABOUT = """Answers are of PLACES places, map by map; of each the logits of CLASSES classes, then of
   the distances to the left, top, right and bottom side, BINS each."""


def distances(how: Mapping[str, Any], name: str, size: tuple[int, int], classes: int) -> Form:
    """How answers at the places of some maps become boxes; raises ValueError when it is damaged."""
    bins, strides = int(how["bins"]), [int(stride) for stride in how["strides"]]
    if not 0 < bins <= 64:
        raise ValueError(f"{bins} bins")
    maps = maps_of(strides, size)
    words = {"name": name, "big": name.upper(), "numbers": classes + 4 * bins}
    words["strides"] = ", ".join(map(str, strides))
    rows, columns = (", ".join(map(str, side)) for side in zip(*maps, strict=True))
    return Form(
        about=ABOUT,
        defines=f"#define {name.upper()}_BINS {bins}\n",
        places=sum(map(prod, maps)),
        numbers=classes + 4 * bins,
        text=TEXT.format(**words, rows=rows, columns=columns),
    )


TEXT = """\
/* Of a candidate. */
static inline float {name}_score(float logit) {{
  return 1 / (1 + expf(-logit));
}}

/* The surest answers above a score, in any order; their score is still the logit. */
static inline int {name}_candidates(const float *answers, float least, {name}_box *boxes) {{
  const float bound = least <= 0 ? -INFINITY : least >= 1 ? INFINITY : logf(least / (1 - least));
  int count = 0;
  for (int place = 0; place < {big}_PLACES; place++) {{
    const float *logits = answers + (long)place * {numbers};
    int any = 0; /* most places have none, which compilers find out a vector at a time */
    for (int label = 0; label < {big}_CLASSES; label++) any |= logits[label] > bound;
    for (int label = 0; any && label < {big}_CLASSES; label++) {{
      if (!(logits[label] > bound)) continue;
      const {name}_box found = {{.score = logits[label], .label = label, .place = place}};
      count = {name}_offer(boxes, count, &found);
    }}
  }}
  return count;
}}

/* The distance that a distribution means, in strides. */
static inline float {name}_distance(const float *logits) {{
  float highest = logits[0], sum = 0, mean = 0;
  for (int bin = 1; bin < {big}_BINS; bin++)
    if (logits[bin] > highest) highest = logits[bin];
  for (int bin = 0; bin < {big}_BINS; bin++) {{
    const float share = expf(logits[bin] - highest);
    sum += share, mean += share * (float)bin;
  }}
  return mean / sum;
}}

/* The sides of a candidate in pixels, within the picture. */
static inline void {name}_place(const float *answers, {name}_box *box) {{
  static const int strides[] = {{{strides}}}, columns[] = {{{columns}}}, rows[] = {{{rows}}};
  int level = 0, place = box->place;
  for (; place >= rows[level] * columns[level]; level++) place -= rows[level] * columns[level];
  const float stride = (float)strides[level], *logits = answers + (long)box->place * {numbers};
  const float x = ((float)(place % columns[level]) + 0.5f) * stride;
  const float y = ((float)(place / columns[level]) + 0.5f) * stride;
  float reach[4];
  for (int side = 0; side < 4; side++)
    reach[side] = stride * {name}_distance(logits + {big}_CLASSES + side * {big}_BINS);
  box->left = fmaxf(x - reach[0], 0), box->top = fmaxf(y - reach[1], 0);
  box->right = fminf(x + reach[2], {big}_WIDTH), box->bottom = fminf(y + reach[3], {big}_HEIGHT);
}}
"""
