/* Labels a recording as its samples come: ./label < recording.csv
   martlet export RUN --format c --stream 16     writes model.c, model.h and model_samples.h to RUN/c
   cd RUN/c && cc -O3 -march=native -I. PATH/label.c model.c -lm -o label
   A line is a sample: MODEL_CHANNELS numbers with commas between them, in the order of
   MODEL_CHANNEL. A first line of names is passed over. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_samples.h"

static char stream[MODEL_STREAM_BYTES]; /* zeros: a fresh recording */
static float sample[MODEL_CHANNELS], output[MODEL_OUTPUT0_FLOATS];
static char line[64 * MODEL_CHANNELS + 64];

/* A line's numbers, as the sensors gave them; 0 when it holds anything else. */
static int read_sample(const char *text) {
  for (int c = 0; c < MODEL_CHANNELS; c++) {
    char *end;
    sample[c] = strtof(text, &end);
    if (end == text || !isfinite(sample[c])) return 0;
    text = end + strspn(end, " \t");
    if (c + 1 < MODEL_CHANNELS && *text++ != ',') return 0;
  }
  return text[strspn(text, "\r\n")] == 0;
}

int main(void) {
  long samples = 0;
  for (long number = 1; fgets(line, sizeof line, stdin); number++) {
    if (!read_sample(line)) {
      if (number == 1) continue;
      fprintf(stderr, "line %ld: a sample is %d numbers\n", number, MODEL_CHANNELS);
      return 1;
    }
    samples++;
    if (!model_push_raw(sample, output, stream)) continue;
    int best = 0;
    double sum = 0;
    for (int i = 1; i < MODEL_CLASSES; i++) best = output[i] > output[best] ? i : best;
    for (int i = 0; i < MODEL_CLASSES; i++) sum += exp(output[i] - output[best]);
    const char *label = MODEL_CLASS[best];
#ifdef MODEL_UNKNOWN_BELOW /* where training had enough windows to fit it */
    if (model_known_score(output, 1) < MODEL_UNKNOWN_BELOW) label = "unknown";
#endif
    printf("%ld  %5.1f %%  %s\n", samples, 100 / sum, label);
    fflush(stdout);
  }
  return 0;
}
