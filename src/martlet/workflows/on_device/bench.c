/* Times a compiled network: bench SECONDS ROUNDS CORES LONGEST, where CORES is a mask in hexadecimal,
   0 for none. Writes the first outputs, the nanoseconds of each call, a line a round, and the share
   of the time that this thread had a core. After LONGEST seconds it ends in any case, for nobody may
   be left to end it where the line to this machine broke. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

#define WARM_UP_CALLS 3
#define MOST_CALLS 20000
#define LINE 64

static int64_t at(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now(void) { return at(CLOCK_MONOTONIC); }

/* Whether this process may run on the cores of the mask alone. */
static int pinned(uint64_t mask) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int core = 0; core < 64; core++)
    if (mask >> core & 1) CPU_SET(core, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

static void *room(size_t bytes) {
  void *found = aligned_alloc(LINE, (bytes + LINE) / LINE * LINE);
  if (!found) exit(3);
  return found;
}

int main(int count, char **words) {
  if (count != 5) return 2;
  const double seconds = atof(words[1]);
  const int rounds = atoi(words[2]);
  const uint64_t mask = strtoull(words[3], NULL, 16);
  alarm((unsigned)atoi(words[4]));
  printf("pinned %d\n", mask ? pinned(mask) : 0);
  float *input = room(sizeof(float) * NET_INPUT0_FLOATS);
  float *output = room(sizeof(float) * NET_OUTPUT0_FLOATS);
  void *workspace = room(NET_WORKSPACE_BYTES);
  uint32_t state = 1; /* the same numbers as the caller has: from -1 to 1 */
  for (size_t i = 0; i < NET_INPUT0_FLOATS; i++) {
    state = state * 1664525u + 1013904223u;
    input[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
  }
  int64_t *spent = room(sizeof(int64_t) * MOST_CALLS);
  net_run(input, output, workspace);
  printf("outputs");
  for (int i = 0; i < NET_OUTPUT0_FLOATS && i < 16; i++) printf(" %.9g", output[i]);
  printf("\n");
  const int64_t worked = at(CLOCK_THREAD_CPUTIME_ID), started = now();
  for (int round = 0; round < rounds; round++) {
    int calls = 0;
    for (int i = 0; i < WARM_UP_CALLS; i++) net_run(input, output, workspace);
    const int64_t end = now() + (int64_t)(1e9 * seconds / rounds);
    int64_t last = now();
    do {
      const int64_t begin = now();
      net_run(input, output, workspace);
      last = now();
      spent[calls++] = last - begin;
    } while (last < end && calls < MOST_CALLS);
    printf("round");
    for (int i = 0; i < calls; i++) printf(" %lld", (long long)spent[i]);
    printf("\n");
    fflush(stdout);
  }
  const double had = (double)(at(CLOCK_THREAD_CPUTIME_ID) - worked);
  printf("share %.4f\n", had / (double)(now() - started));
  return 0;
}
