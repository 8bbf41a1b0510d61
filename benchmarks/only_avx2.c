/* Loaded before a program (LD_PRELOAD), makes every library that it loads later believe that the
   processor has no AVX-512 and no AMX: the processor is told to fault on the instruction that asks for its features,
   and the answer is given here. Linux on x86-64, on processors that can fault so. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012

static void faulting(int on) { syscall(SYS_arch_prctl, ARCH_SET_CPUID, (long)!on); }

static void answer(int number, siginfo_t *info, void *context) {
  (void)info;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uint8_t *code = (const uint8_t *)r[REG_RIP];
  if (code[0] != 0x0f || code[1] != 0xa2) { /* a fault of the program's own */
    signal(number, SIG_DFL);
    return;
  }
  uint32_t a = (uint32_t)r[REG_RAX], b = 0, c = (uint32_t)r[REG_RCX], d = 0;
  const uint32_t leaf = a, part = c;
  faulting(0);
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  faulting(1);
  if (leaf == 7 && part == 0) {
    b &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31);
    c &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
    d &= ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25);
  } else if (leaf == 7 && part == 1) {
    a &= ~(1u << 5 | 1u << 21); /* AVX512_BF16, AMX-FP16 */
    d &= ~(1u << 8 | 1u << 19); /* AMX-COMPLEX, AVX10 */
  } else if (leaf == 0xd && part == 0) {
    a &= 7; /* no state but that of x87, SSE and AVX */
  }
  r[REG_RAX] = a, r[REG_RBX] = b, r[REG_RCX] = c, r[REG_RDX] = d;
  r[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, 0);
  faulting(1);
}
