/*
 * A network on a Cortex-M7: reads input.bin from the host, runs once, writes output.bin, and prints
 * the instructions and the bytes of stack that the run has taken. Built as docs/microcontrollers.md
 * says, with network.h made by `martlet compile --name network`.
 *
 * Under `qemu-system-arm -icount shift=0` an instruction takes a nanosecond of the board's time, and
 * its timer counts 25 million a second: 40 instructions are one tick.
 */
#include "network.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TIMER ((volatile uint32_t *)0x40000000) /* CTRL, VALUE, RELOAD */
#ifndef PAINTED
#define PAINTED 16384 /* bytes of stack that are looked at */
#endif

static float input[NETWORK_INPUT0_FLOATS], output[NETWORK_OUTPUT0_FLOATS];
static char workspace[NETWORK_WORKSPACE_BYTES];

__attribute__((noinline)) static uint32_t painted(int check) {
  volatile unsigned char stack[PAINTED];
  uint32_t kept = 0;
  if (!check)
    for (int i = 0; i < PAINTED; i++) stack[i] = 0xA5;
  else
    while (kept < PAINTED && stack[kept] == 0xA5) kept++;
  return PAINTED - kept;
}

int main(void) {
  FILE *file = fopen("input.bin", "rb");
  if (!file || fread(input, sizeof input, 1, file) != 1) return 1;
  fclose(file);
  painted(0);
  TIMER[2] = TIMER[1] = 0xFFFFFFFF;
  TIMER[0] = 1;
  network_run(input, output, workspace);
  const uint32_t ticks = 0xFFFFFFFF - TIMER[1];
  const uint32_t stack = painted(1);
  file = fopen("output.bin", "wb");
  if (!file || fwrite(output, sizeof output, 1, file) != 1) return 2;
  fclose(file);
  printf("instructions %llu\nstack %lu\n", 40ull * ticks, (unsigned long)stack);
  return 0;
}
