"""NAME_boxes.h: from the answers of a detector to boxes, without allocation or global state."""

from collections.abc import Mapping
from math import prod
from typing import Any

from martlet.compiler.codegen.c_text import floats, wrapped
from martlet.compiler.codegen.header import Facts
from martlet.compiler.codegen.metadata import damage_told


def boxes_header(facts: Facts, meta: Mapping[str, Any]) -> str | None:
    """The C header of decoding and selection; None when the ONNX file says of no answers.

    Raises MartletError when what it says is damaged.
    """
    if "answers" not in meta:
        return None
    with damage_told():
        return wrapped(_text(facts, meta))


def _text(facts: Facts, meta: Mapping[str, Any]) -> str:
    name, how, classes = facts.program.name, meta["answers"], len(meta["classes"])
    if how["kind"] != "distances":
        raise ValueError(f"answers of kind {how['kind']!r}")
    big, bins, strides = name.upper(), int(how["bins"]), [int(s) for s in how["strides"]]
    (inputs,), (outputs,) = (
        [facts.program.shape(maps) for _, maps in ends]
        for ends in (facts.program.inputs, facts.program.outputs)
    )
    height, width = inputs[2:]
    maps = [(-(-height // stride), -(-width // stride)) for stride in strides]
    places = sum(map(prod, maps))
    if outputs[1:] != (places, classes + 4 * bins) or not 0 < bins <= 64 or classes < 1:
        raise ValueError(f"{places} places, {classes} classes and {bins} bins, output {outputs}")
    return TEXT.format(
        name=name, big=big, classes=classes, bins=bins, width=width, height=height, places=places,
        numbers=classes + 4 * bins,
        strides=", ".join(map(str, strides)), columns=", ".join(str(w) for _, w in maps),
        rows=", ".join(str(h) for h, _ in maps),
        most=int(how["most_boxes"]), candidates=int(how["most_candidates"]),
        least=floats([float(how["least_score"])]), overlap=float(how["most_overlap"]),
    )  # fmt: skip


TEXT = """\
#ifndef {big}_BOXES_H
#define {big}_BOXES_H

#include <math.h>

/* Boxes of one picture: {name}_run's answers go to {name}_boxes, with memory for candidates.
   Answers are of PLACES places, map by map; of each the logits of CLASSES classes, then of the
   distances to the left, top, right and bottom side, BINS each. */
#define {big}_PLACES {places}
#define {big}_CLASSES {classes}
#define {big}_BINS {bins}
#define {big}_WIDTH {width} /* of the network's picture, in pixels */
#define {big}_HEIGHT {height}
#define {big}_MOST_CANDIDATES {candidates} /* the surest answers, of which boxes are selected */
#define {big}_MOST_BOXES {most}
#define {big}_LEAST_SCORE {least} /* as martlet selects, where no other threshold is wanted */
#define {big}_MOST_OVERLAP {overlap} /* of two boxes of a class: intersection over union */

typedef struct {{
  float left, top, right, bottom; /* shares of the picture, 0 to 1 */
  float score;                    /* 0 to 1 */
  int label;                      /* number of the class */
  int place;                      /* whose answer it is */
}} {name}_box;

/* Rounded to float here, whatever the compiler would fuse: overlaps are the same everywhere. */
static inline float {name}_rounded(float x) {{
  volatile float rounded = x;
  return rounded;
}}

/* Whether a comes before b: the higher score, of equal ones the earlier place, then class. */
static inline int {name}_before(const {name}_box *a, const {name}_box *b) {{
  if (a->score != b->score) return a->score > b->score;
  return a->place != b->place ? a->place < b->place : a->label < b->label;
}}

/* Puts box `at` of a heap, whose last box is on top, where it belongs. */
static inline void {name}_sink({name}_box *boxes, int count, int at) {{
  const {name}_box moved = boxes[at];
  for (int child; (child = 2 * at + 1) < count; at = child) {{
    if (child + 1 < count && {name}_before(&boxes[child], &boxes[child + 1])) child++;
    if (!{name}_before(&moved, &boxes[child])) break;
    boxes[at] = boxes[child];
  }}
  boxes[at] = moved;
}}

/* Sorts boxes, the highest score first. */
static inline void {name}_sort({name}_box *boxes, int count) {{
  for (int at = count / 2 - 1; at >= 0; at--) {name}_sink(boxes, count, at);
  for (int end = count - 1; end > 0; end--) {{
    const {name}_box last = boxes[0];
    boxes[0] = boxes[end], boxes[end] = last;
    {name}_sink(boxes, end, 0);
  }}
}}

/* Intersection over union. */
static inline float {name}_overlap(const {name}_box *a, const {name}_box *b) {{
  const float left = a->left > b->left ? a->left : b->left;
  const float top = a->top > b->top ? a->top : b->top;
  const float right = a->right < b->right ? a->right : b->right;
  const float bottom = a->bottom < b->bottom ? a->bottom : b->bottom;
  if (right <= left || bottom <= top) return 0;
  const float of_a = {name}_rounded((a->right - a->left) * (a->bottom - a->top));
  const float of_b = {name}_rounded((b->right - b->left) * (b->bottom - b->top));
  const float both = {name}_rounded((right - left) * (bottom - top));
  return both / (of_a + of_b - both);
}}

/* Non-maximum suppression of sorted boxes, class by class: one that overlaps an earlier one of its
   class by more than `overlap` goes. Returns how many are left, in front; at most `most`. */
static inline int {name}_suppress({name}_box *boxes, int count, double overlap, int most) {{
  int kept = 0;
  for (int at = 0; at < count && kept < most; at++) {{
    int stays = 1;
    for (int other = 0; other < kept && stays; other++)
      stays = boxes[other].label != boxes[at].label ||
              !((double){name}_overlap(&boxes[other], &boxes[at]) > overlap);
    if (stays) boxes[kept++] = boxes[at];
  }}
  return kept;
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
      if (count < {big}_MOST_CANDIDATES) {{
        boxes[count++] = found;
        if (count < {big}_MOST_CANDIDATES) continue;
        for (int at = count / 2 - 1; at >= 0; at--) {name}_sink(boxes, count, at);
      }} else if ({name}_before(&found, &boxes[0])) {{ /* the last one so far gives way */
        boxes[0] = found;
        {name}_sink(boxes, count, 0);
      }}
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

/* The boxes of a picture's answers, the highest score first: returns how many of `boxes` they are.
   `boxes` has room for {candidates}, which are candidates on the way; at most {most} are left. */
static inline int {name}_boxes(const float *answers, float least, double overlap,
                               {name}_box boxes[{big}_MOST_CANDIDATES]) {{
  const int found = {name}_candidates(answers, least, boxes);
  {name}_sort(boxes, found);
  int count = 0;
  for (int at = 0; at < found; at++) {{
    {name}_box box = boxes[at];
    {name}_place(answers, &box);
    if (box.right > box.left && box.bottom > box.top) boxes[count++] = box;
  }}
  count = {name}_suppress(boxes, count, overlap, {big}_MOST_BOXES);
  for (int at = 0; at < count; at++) {{
    {name}_box *box = &boxes[at];
    box->left /= {big}_WIDTH, box->right /= {big}_WIDTH;
    box->top /= {big}_HEIGHT, box->bottom /= {big}_HEIGHT;
    box->score = 1 / (1 + expf(-box->score));
  }}
  return count;
}}

#endif
"""
