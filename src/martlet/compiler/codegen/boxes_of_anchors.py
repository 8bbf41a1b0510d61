"""The part of NAME_boxes.h for answers that move anchors (see tasks/detection/answers.py)."""

from collections.abc import Mapping
from math import isfinite, prod
from typing import Any

from martlet.compiler.codegen.boxes_header_form import Form, maps_of
from martlet.compiler.codegen.c_text import floats

MOST = 64  # anchors of a pixel
ABOUT = """Answers are of PLACES places, ANCHORS at each pixel, map by map; of each the logits of
   the background and of CLASSES classes, then how the anchor moves across and down and how its
   sides grow."""


def anchors(how: Mapping[str, Any], name: str, size: tuple[int, int], classes: int) -> Form:
    """How answers that move anchors become boxes; raises ValueError when it is damaged."""
    strides, largest = [int(stride) for stride in how["strides"]], float(how["largest"])
    weights = [float(weight) for weight in how["weights"]]
    maps, big = maps_of(strides, size), name.upper()
    sides = [[float(side) for pair in one for side in pair] for one in how["sides"]]
    count = len(sides[0]) // 2
    odd = len(sides) != len(maps) or any(len(one) != 2 * count for one in sides)
    if odd or not 0 < count <= MOST or len(weights) != 4 or not all(weights):
        raise ValueError(f"{len(sides)} maps of {count} anchors, {len(maps)} strides")
    if not all(map(isfinite, [largest, *weights, *(side for one in sides for side in one)])):
        raise ValueError("anchors without an end")
    rows, columns = (", ".join(map(str, side)) for side in zip(*maps, strict=True))
    return Form(
        about=ABOUT,
        defines=f"#define {big}_ANCHORS {count}\n",
        places=count * sum(map(prod, maps)),
        numbers=1 + classes + 4,
        text=TEXT.format(
            name=name, big=big, numbers=1 + classes + 4, rows=rows, columns=columns,
            sides=", ".join(f"{{{floats(one)}}}" for one in sides),
            weights=floats(weights), largest=floats([largest]),
        ),
    )  # fmt: skip


TEXT = """\
/* Of a candidate, which has it already. */
static inline float {name}_score(float share) {{
  return share;
}}

/* The surest answers above a score, in any order. */
static inline int {name}_candidates(const float *answers, float least, {name}_box *boxes) {{
  /* Beside a background that is so much stronger no class has that share: most places end here. */
  const float bound = least > 0 ? logf(least) - 1e-3f : -INFINITY;
  int count = 0;
  for (int place = 0; place < {big}_PLACES; place++) {{
    const float *logits = answers + (long)place * {numbers};
    int any = 0;
    for (int label = 1; label <= {big}_CLASSES; label++) any |= logits[label] - logits[0] > bound;
    if (!any) continue;
    float highest = logits[0], sum = 0;
    for (int label = 1; label <= {big}_CLASSES; label++)
      if (logits[label] > highest) highest = logits[label];
    for (int label = 0; label <= {big}_CLASSES; label++) sum += expf(logits[label] - highest);
    for (int label = 0; label < {big}_CLASSES; label++) {{
      const float share = expf(logits[1 + label] - highest) / sum;
      const {name}_box found = {{.score = share, .label = label, .place = place}};
      if (share > least) count = {name}_offer(boxes, count, &found);
    }}
  }}
  return count;
}}

/* The sides of a candidate in pixels, within the picture. */
static inline void {name}_place(const float *answers, {name}_box *box) {{
  static const int columns[] = {{{columns}}}, rows[] = {{{rows}}};
  static const float sides[][2 * {big}_ANCHORS] = {{{sides}}}, weights[] = {{{weights}}};
  int level = 0, place = box->place;
  for (; place >= rows[level] * columns[level] * {big}_ANCHORS; level++)
    place -= rows[level] * columns[level] * {big}_ANCHORS;
  const int at = place / {big}_ANCHORS;
  const float *moves = answers + (long)box->place * {numbers} + 1 + {big}_CLASSES;
  const float *side = sides[level] + 2 * (place % {big}_ANCHORS);
  const float width = side[0] * {big}_WIDTH, height = side[1] * {big}_HEIGHT;
  const float x = ((float)(at % columns[level]) + 0.5f) / (float)columns[level] * {big}_WIDTH;
  const float y = ((float)(at / columns[level]) + 0.5f) / (float)rows[level] * {big}_HEIGHT;
  const float across = x + moves[0] / weights[0] * width;
  const float down = y + moves[1] / weights[1] * height;
  const float half_width = 0.5f * width * expf(fminf(moves[2] / weights[2], {largest}));
  const float half_height = 0.5f * height * expf(fminf(moves[3] / weights[3], {largest}));
  box->left = fmaxf(across - half_width, 0), box->top = fmaxf(down - half_height, 0);
  box->right = fminf(across + half_width, {big}_WIDTH);
  box->bottom = fminf(down + half_height, {big}_HEIGHT);
}}
"""
