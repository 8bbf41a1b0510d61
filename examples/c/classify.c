/* Names what is on a picture: ./classify picture.ppm
   martlet export RUN --format c         writes model.c, model.h and model_picture.h to RUN/c
   cd RUN/c && cc -O3 -march=native -I. PATH/classify.c model.c -lm -o classify  */
#include "model.h"
#include "model_picture.h"
#include "picture.h"

static float input[MODEL_INPUT0_FLOATS], output[MODEL_OUTPUT0_FLOATS];
static char workspace[MODEL_WORKSPACE_BYTES];

int main(int count, char **words) {
  if (count != 2 || !read_ppm(words[1]))
    return fprintf(stderr, "usage: classify picture.ppm (binary, 8 bits)\n"), 1;
  prepare(input);
  model_run(input, output, workspace);
#ifdef MODEL_UNKNOWN_BELOW
  if (model_known_score(output, 1) < MODEL_UNKNOWN_BELOW) puts("unknown; the best guesses:");
#endif
  double most = 0, sum = 0;
  for (int place = 0; place < 5 && place < MODEL_CLASSES; place++) {
    int best = 0;
    for (int i = 1; i < MODEL_CLASSES; i++) best = output[i] > output[best] ? i : best;
    if (place == 0) most = output[best];
    for (int i = 0; place == 0 && i < MODEL_CLASSES; i++) sum += exp(output[i] - most);
    printf("%5.1f %%  %s\n", 100 * exp(output[best] - most) / sum, MODEL_CLASS[best]);
    output[best] = -INFINITY;
  }
}
