"""C text that only the timed variant has: a clock, and what the processor's multipliers can do."""

PEAK_TURNS = 40_000  # of the loop that measures the peak: a tenth of a millisecond
CLOCK = """
#include <time.h>
static double now(void) {
  struct timespec t;
  timespec_get(&t, TIME_UTC);
  return (double)(t.tv_sec & 0xffff) + (double)t.tv_nsec * 1e-9; /* exact to a nanosecond */
}
"""
PEAK = """
/* GFLOP/s that one core reaches for some microseconds: independent sums, nothing read from memory.
   sum[0] and sum[1] are two numbers that the C compiler cannot know, below 1. */
double {name}_peak(float *sum) {{
  const v x = (v){{0}} + sum[0], y = (v){{0}} + sum[1];
  v {sums};
  double t = 0;
  for (int turn = -{turns} / 8; turn < {turns}; turn++) {{
    if (turn == 0) t = now(); /* the first ones are slower, from a cold start */
{steps}
  }}
  t = now() - t;
  x0 = {all};
  sum[0] = LANE(x0, 0);
  return {turns}.0 * {chains} * V * 2 / t * 1e-9;
}}
"""


def clock_and_peak(name: str, lanes: int, registers: int) -> str:
    """`now()` in seconds, and NAME_peak()."""
    chains = 16 if registers >= 32 else 12
    sums = ", ".join(f"x{i} = x * {i}" for i in range(chains))
    steps = "\n".join(f"    x{i} = x{i} * x + y;" for i in range(chains))
    together = " + ".join(f"x{i}" for i in range(chains))
    text = PEAK.format(
        name=name, sums=sums, steps=steps, chains=chains, turns=PEAK_TURNS, all=together
    )
    return CLOCK + (text.replace("(v){0} + ", "") if lanes == 1 else text)
