/* Draws the boxes that are found on a picture: ./detect picture.ppm boxes.ppm [least score]
   martlet export RUN --format c         writes model.c, model.h, model_picture.h, model_boxes.h
   cd RUN/c && cc -O3 -march=native -I. PATH/detect.c model.c -lm -o detect  */
#include "model.h"
#include "model_boxes.h"
#include "model_picture.h"
#include "picture.h"

static float input[MODEL_INPUT0_FLOATS], output[MODEL_OUTPUT0_FLOATS];
static char workspace[MODEL_WORKSPACE_BYTES];
static model_box boxes[MODEL_MOST_CANDIDATES];

static const unsigned char COLOURS[][3] = {
    {230, 25, 75}, {60, 180, 75}, {0, 130, 200}, {245, 130, 48}, {145, 30, 180}, {70, 240, 240}};

static int least(int a, int b) { return a < b ? a : b; }

/* Its four sides, in the colour of its class. */
static void draw(const model_box *box) {
  const int left = (int)(box->left * width), right = least((int)(box->right * width), width - 1);
  const int top = (int)(box->top * height), bottom = least((int)(box->bottom * height), height - 1);
  const int thick = 1 + least(width, height) / 200;
  const unsigned char *colour = COLOURS[box->label % 6];
  for (int y = top; y <= bottom; y++)
    for (int x = left; x <= right; x++) {
      const int inside = least(least(x - left, right - x), least(y - top, bottom - y));
      if (inside >= thick) continue;
      for (int k = 0; k < 3; k++) pixels[3 * ((long)y * width + x) + k] = colour[k];
    }
}

int main(int count, char **words) {
  if (count < 3 || count > 4 || !read_ppm(words[1]))
    return fprintf(stderr, "usage: detect picture.ppm boxes.ppm [least score]\n"), 1;
  prepare(input);
  model_run(input, output, workspace);
  const float score = count > 3 ? (float)atof(words[3]) : 0.3f;
  const int found = model_boxes(output, score, MODEL_MOST_OVERLAP, boxes);
  for (int at = found - 1; at >= 0; at--) draw(&boxes[at]); /* the surest one on top */
  for (int at = 0; at < found; at++)
    printf("%5.1f %%  %4d %4d %4d %4d  %s\n", 100 * boxes[at].score,
           (int)(boxes[at].left * width + 0.5f), (int)(boxes[at].top * height + 0.5f),
           (int)(boxes[at].right * width + 0.5f), (int)(boxes[at].bottom * height + 0.5f),
           MODEL_CLASS[boxes[at].label]);
  FILE *file = fopen(words[2], "wb");
  if (!file) return fprintf(stderr, "%s cannot be written\n", words[2]), 1;
  const size_t size = (size_t)3 * width * height;
  fprintf(file, "P6\n%d %d\n255\n", width, height);
  const int written = fwrite(pixels, 1, size, file) == size;
  if (fclose(file) || !written) return fprintf(stderr, "%s cannot be written\n", words[2]), 1;
}
