"""NAME_boxes.h: from the answers of a detector to boxes, without allocation or global state."""

from collections.abc import Mapping
from typing import Any

from martlet.compiler.codegen.boxes_of_anchors import anchors
from martlet.compiler.codegen.boxes_of_distances import distances
from martlet.compiler.codegen.c_text import floats, wrapped
from martlet.compiler.codegen.header import Facts
from martlet.compiler.codegen.metadata import damage_told

FORMS = {"distances": distances, "anchors": anchors}


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
    (inputs,), (outputs,) = (
        [facts.program.shape(maps) for _, maps in ends]
        for ends in (facts.program.inputs, facts.program.outputs)
    )
    height, width = inputs[2:]
    form = FORMS[how["kind"]](how, name, (height, width), classes)
    if outputs[1:] != (form.places, form.numbers) or classes < 1:
        raise ValueError(
            f"{form.places} places, {classes} classes, {form.numbers} numbers, output {outputs}"
        )
    return HEAD.format(
        name=name, big=name.upper(), about=form.about, defines=form.defines, classes=classes,
        width=width, height=height, places=form.places,
        most=int(how["most_boxes"]), candidates=int(how["most_candidates"]),
        least=floats([float(how["least_score"])]), overlap=float(how["most_overlap"]),
    ) + form.text + TAIL.format(
        name=name, big=name.upper(),
        most=int(how["most_boxes"]), candidates=int(how["most_candidates"]),
    )  # fmt: skip


HEAD = """\
#ifndef {big}_BOXES_H
#define {big}_BOXES_H

#include <math.h>

/* Boxes of one picture: {name}_run's answers go to {name}_boxes, with memory for candidates.
   {about} */
#define {big}_PLACES {places}
#define {big}_CLASSES {classes}
{defines}#define {big}_WIDTH {width} /* of the network's picture, in pixels */
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

/* Takes a candidate among `count` of them; returns how many there are. Where there is no more room
   the last one of them gives way, or this one. */
static inline int {name}_offer({name}_box *boxes, int count, const {name}_box *found) {{
  if (count < {big}_MOST_CANDIDATES) {{
    boxes[count++] = *found;
    if (count == {big}_MOST_CANDIDATES)
      for (int at = count / 2 - 1; at >= 0; at--) {name}_sink(boxes, count, at);
  }} else if ({name}_before(found, &boxes[0])) {{
    boxes[0] = *found;
    {name}_sink(boxes, count, 0);
  }}
  return count;
}}

"""

TAIL = """
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
    box->score = {name}_score(box->score);
  }}
  return count;
}}

#endif
"""
