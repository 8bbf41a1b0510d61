/* Seconds of one run of a compiled network, as a program in C would see them. */
#include <time.h>

typedef void run(const float *input, float *output, void *workspace);

double timed(run *network, const float *input, float *output, void *workspace) {
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  network(input, output, workspace);
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
}
