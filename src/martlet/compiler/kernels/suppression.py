"""Boxes that stay of those that overlap (NonMaxSuppression), in an array of a fixed length."""

from martlet.compiler.codegen.c_text import braced
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.graph import shape_text
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels.activations import number
from martlet.compiler.kernels.generic import Generic, Rows

CORNERS = {
    False: """\
  const float top = LEAST(b[0], b[2]), bottom = MOST(b[0], b[2]);
  const float left = LEAST(b[1], b[3]), right = MOST(b[1], b[3]);""",
    True: """\
  const float left = b[0] - b[2] / 2, right = b[0] + b[2] / 2;
  const float top = b[1] - b[3] / 2, bottom = b[1] + b[3] / 2;""",
}
SIDES = """\
static inline void box_sides(const float *b, float *s) {{
{corners}
  s[0] = left, s[1] = top, s[2] = right, s[3] = bottom;
}}
"""
OVERLAP = """\
/* The area that two boxes share over what they cover together is above a limit. */
static int boxes_overlap(const float *a, const float *b, float limit) {
  float p[4], q[4];
  box_sides(a, p), box_sides(b, q);
  const float width = LEAST(p[2], q[2]) - MOST(p[0], q[0]);
  const float height = LEAST(p[3], q[3]) - MOST(p[1], q[1]);
  if (!(width > 0 && height > 0)) return 0;
  const float one = (p[2] - p[0]) * (p[3] - p[1]), other = (q[2] - q[0]) * (q[3] - q[1]);
  const float both = width * height, all = one + other - both;
  return one > 0 && other > 0 && all > 0 && both / all > limit;
}
"""


class Suppression(Generic):
    """y: (picture, class, box) of what stays, class by class, the best first; then -1s.

    Behind these rows is memory for the scores that are left.
    """

    operator = "suppression"

    def __init__(
        self,
        name: str,
        boxes: Rows,
        scores: Rows,
        y: Buffer,
        most: int,
        *,
        overlap: float,
        least: float,
        by_centre: bool,
    ) -> None:
        """boxes: (pictures, n, 4); scores: (pictures, classes, n); `most`: boxes of a class."""
        super().__init__(name, [boxes, scores], y)
        self.shape, self.most = scores.shape, most
        self.overlap, self.least, self.by_centre = overlap, least, by_centre

    def summary(self) -> str:
        return f"up to {self.most} of {shape_text(self.shape)} boxes"

    def emit(self, writer: Writer) -> str:
        writer.kernel("box_sides", SIDES.format(corners=CORNERS[self.by_centre]))
        writer.kernel("boxes_overlap", OVERLAP)
        pictures, classes, count = self.shape
        rows = pictures * classes * self.most
        search = [
            "long best = -1;",
            f"for (long i = 0; i < {count}; i++)",
            "  if (left[i] > -INFINITY && (best < 0 || left[i] > left[best])) best = i;",
            "if (best < 0) break;",
            "row[0] = (float)n, row[1] = (float)c, row[2] = (float)best, row += 3;",
            "left[best] = -INFINITY;",
            f"for (long i = 0; i < {count}; i++)",
            f"  if (left[i] > -INFINITY && boxes_overlap(of + 4 * best, of + 4 * i, "
            f"{number(self.overlap)}))",
            "    left[i] = -INFINITY;",
        ]
        of_class = [
            f"const float *of = a + n * {4 * count}, *score = b + (n * {classes} + c) * {count};",
            f"for (long i = 0; i < {count}; i++)",
            f"  left[i] = score[i] > {number(self.least)} ? score[i] : -INFINITY;",
            *braced(f"for (long k = 0; k < {self.most}; k++)", search),
        ]
        lines = [
            f"float *row = y, *left = y + {3 * rows};",
            f"for (long i = 0; i < {3 * rows}; i++) y[i] = -1;",
            f"for (long n = 0; n < {pictures}; n++)",
            *(f"  {line}" for line in braced(f"for (long c = 0; c < {classes}; c++)", of_class)),
        ]
        return self.function(writer, lines)
