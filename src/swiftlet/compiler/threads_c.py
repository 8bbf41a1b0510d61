"""Several threads in C: each layer's work is cut into as many pieces, and all meet after it.

The threads sleep between runs and do not return to the caller's program. A run that finds them busy
with another, or that may not start them, does all pieces by itself.
"""

TEXT = """\
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define THREADS {threads}
#define CUT(n, part) ((int)((long)(n) * (part) / THREADS))
/* One piece where other threads do the rest, or all of them in turn. */
#define EACH for (int part = first; part < last; part++)

typedef struct {{
{fields}
}} job;

static void pieces(const job *j, int first, int last);

static struct {{
  pthread_mutex_t used, lock;
  pthread_cond_t wake;
  pid_t process; /* whose threads these are: a fork has none */
  int started;
  unsigned turn;
  const job *now;
  atomic_int arrived;
  atomic_uint round;
}} pool = {{.used = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER}};

/* Wait until all threads are here; awake, since a layer takes microseconds. */
static void meet(void) {{
  const unsigned round = atomic_load_explicit(&pool.round, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&pool.arrived, 1, memory_order_acq_rel) == THREADS - 1) {{
    atomic_store_explicit(&pool.arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&pool.round, round + 1, memory_order_release);
    return;
  }}
  for (unsigned i = 1; atomic_load_explicit(&pool.round, memory_order_acquire) == round; i++)
    if (i % 4096 == 0) sched_yield(); /* fewer cores than threads */
#if defined(__x86_64__)
    else __builtin_ia32_pause();
#endif
}}

static void *worker(void *part) {{
  const int mine = (int)(intptr_t)part;
  unsigned seen = 0;
  for (;;) {{
    pthread_mutex_lock(&pool.lock);
    while (pool.turn == seen) pthread_cond_wait(&pool.wake, &pool.lock);
    seen = pool.turn;
    const job *j = pool.now;
    pthread_mutex_unlock(&pool.lock);
    pieces(j, mine, mine + 1);
  }}
  return 0;
}}

/* Whether the other threads are there; the first run of a process starts them. */
static int ready(void) {{
  if (pool.started && pool.process == getpid()) return pool.started == THREADS - 1;
  pthread_mutex_init(&pool.lock, 0); /* after a fork it may still be held, and waited for */
  pthread_cond_init(&pool.wake, 0);
  atomic_store(&pool.arrived, 0);
  pool.process = getpid();
  pool.turn = 0;
  pthread_attr_t kind;
  if (pthread_attr_init(&kind)) return 0;
  pthread_attr_setdetachstate(&kind, PTHREAD_CREATE_DETACHED);
  pool.started = 0;
  sigset_t all, before; /* the program's signals are not for these threads */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (intptr_t part = 1; part < THREADS; part++) {{
    pthread_t one;
    if (pthread_create(&one, &kind, worker, (void *)part)) break;
    pool.started++;
  }}
  pthread_sigmask(SIG_SETMASK, &before, 0);
  pthread_attr_destroy(&kind);
  return pool.started == THREADS - 1;
}}
"""
RUN = """\

{signature} {{
  float *work = (float *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);
{weights}  const job j = {{{values}}};
  if (pthread_mutex_trylock(&pool.used)) {{
    pieces(&j, 0, THREADS);
    return;
  }}
  if (ready()) {{
    pthread_mutex_lock(&pool.lock);
    pool.now = &j;
    pool.turn++;
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
    pieces(&j, 0, 1);
  }} else {{
    pieces(&j, 0, THREADS);
  }}
  pthread_mutex_unlock(&pool.used);
}}
"""


def run_with_threads(
    signature: str, pointers: dict[str, str], threads: int, steps: list[str], hide: str
) -> str:
    """The C text of a run; `pointers` are its arrays, name and type, `steps` lines of calls.

    A call is cut by `CUT(pieces, part)`; an empty line is where all threads meet. `hide` is C text
    behind the line that names the weights.
    """
    fields = "\n".join(f"  {kind} *{name};" for name, kind in pointers.items())
    text = TEXT.format(threads=threads, fields=fields)
    body = [f"{kind} *{name} = j->{name};" for name, kind in pointers.items()]
    body.append("const int together = last - first < THREADS;")
    body += [line or "if (together) meet();" for line in steps]
    inside = "\n".join(f"  {line}" for line in body)
    text += f"\nstatic void pieces(const job *j, int first, int last) {{\n{inside}\n}}\n"
    weights = f"  const float *weights = WEIGHTS;\n{hide}"
    return text + RUN.format(signature=signature, values=", ".join(pointers), weights=weights)
