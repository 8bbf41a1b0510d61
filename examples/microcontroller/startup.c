/* What runs before main on a Cortex-M: the table of vectors, and the floating-point unit. */
#include <stdint.h>
#include <stdlib.h>

extern char __stack;
void _start(void); /* of newlib: it clears .bss and calls main */

void reset(void) {
  *(volatile uint32_t *)0xE000ED88 |= 0xF << 20; /* CPACR: floating point for all */
  __asm volatile("dsb\n isb");
  _start();
}

static void fault(void) { exit(99); }

__attribute__((section(".vectors"), used)) const void *const vectors[16] = {
    &__stack, (void *)reset, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault,
};
