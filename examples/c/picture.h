/* A picture becomes a network's input: include it behind model.h and model_picture.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int width, height;
static unsigned char *pixels; /* red, green, blue */

static int read_ppm(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fscanf(file, "P6 %d %d 255", &width, &height) != 2 || fgetc(file) == EOF) return 0;
  if (width < 1 || height < 1 || width > 30000 || height > 30000) return 0;
  const size_t size = (size_t)3 * width * height;
  pixels = malloc(size);
  return pixels && fread(pixels, 1, size, file) == size;
}

/* How much a pixel counts that is `x` pixels away: a triangle, or a cubic curve. */
static double filter(double x) {
  x = fabs(x);
  if (!MODEL_BICUBIC) return x < 1 ? 1 - x : 0;
  return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/* Which of `from` pixels make pixel `to` of `size`: the first, the share of each, how many. */
static int weigh(int from, int size, int to, int *first, double *share) {
  const double scale = (double)from / size, wide = scale > 1 ? scale : 1;
  const double middle = (to + 0.5) * scale, reach = (MODEL_BICUBIC ? 2 : 1) * wide;
  const int begin = (int)fmax(middle - reach + 0.5, 0), end = (int)fmin(middle + reach + 0.5, from);
  double sum = 0;
  for (int i = begin; i < end; i++) sum += share[i - begin] = filter((i + 0.5 - middle) / wide);
  for (int i = begin; i < end; i++) share[i - begin] /= sum;
  return *first = begin, end - begin;
}

/* Resize, cut out the middle, and make a plane of numbers of each colour. */
static void prepare(float *input) {
  const int size = MODEL_SIZE, least = width < height ? width : height;
  const int wide = MODEL_CROP ? (int)((long)MODEL_SIDE * width / least) : size;
  const int high = MODEL_CROP ? (int)((long)MODEL_SIDE * height / least) : size;
  const int left = (int)nearbyint((wide - size) / 2.0), top = (int)nearbyint((high - size) / 2.0);
  double *across = malloc(sizeof(double) * (width + height)), *down = across + width;
  for (int i = 0; i < size * size; i++) {
    int x, y, columns = weigh(width, wide, left + i % size, &x, across);
    int rows = weigh(height, high, top + i / size, &y, down);
    double sum[3] = {0, 0, 0};
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < columns * 3; c++)
        sum[c % 3] += down[r] * across[c / 3] * pixels[3L * ((long)(y + r) * width + x) + c];
    if (MODEL_CHANNELS == 1) sum[0] = 0.299 * sum[0] + 0.587 * sum[1] + 0.114 * sum[2];
    for (int k = 0; k < MODEL_CHANNELS; k++) {
      const double value = nearbyint(fmin(fmax(sum[MODEL_ORDER[k]], 0), 255));
      input[k * size * size + i] = (float)value * MODEL_SCALE[k] + MODEL_BIAS[k];
    }
  }
}
