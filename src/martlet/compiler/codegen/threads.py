"""Several threads in C: each step's work is cut into parts, and whoever is free takes the next.

A thread takes its own parts first, whose maps it has in its cache, and then those that others have
not begun: a run never waits for a thread that has not woken up yet, or that something else has put
aside. The threads sleep between runs and do not return to the caller's program. A run that finds
them busy with another does all parts by itself.
"""

TEXT = """\
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define THREADS {threads}
#define CUT(n, part, parts) ((int)((long)(n) * (part) / (parts)))
/* All parts of a step that this thread gets; behind the loop, all of them are done. */
#define EACH(parts) for (int part; (part = take(&self, parts)) >= 0;)

typedef struct {{
{fields}
}} job;

static struct {{
  pthread_mutex_t used, lock;
  pthread_cond_t wake;
  pid_t process; /* whose threads these are: a fork has none */
  int started;
  unsigned turn;
  job now;
  unsigned begin; /* parts that were done before this run */
  _Alignas(64) atomic_uint done;
  struct {{
    _Alignas(64) atomic_uint until; /* the last step in which somebody took this part */
  }} taken[THREADS];
}} pool = {{.used = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER}};

typedef struct {{
  int mine; /* which thread this is, or -1: the only one */
  int at;   /* the part it is at work on, or -1 */
  unsigned begin; /* parts done when the step begins; steps are told apart by it */
}} worker;

static int is_before(unsigned a, unsigned b) {{ return (int)(a - b) < 0; }}

/* A part of this step that nobody has begun, its own first; -1: there is none. */
static int untaken(const worker *self, int parts) {{
  const unsigned until = self->begin + (unsigned)parts;
  for (int i = 0; i < parts; i++) {{
    const int part = (self->mine + i) % parts;
    unsigned seen = atomic_load_explicit(&pool.taken[part].until, memory_order_relaxed);
    if (is_before(seen, until) &&
        atomic_compare_exchange_strong(&pool.taken[part].until, &seen, until))
      return part;
  }}
  return -1;
}}

/* The next part for this thread; -1 when all are done. What is left with others is waited for. */
static int take(worker *self, int parts) {{
  if (self->mine < 0) return self->at = self->at + 1 < parts ? self->at + 1 : -1;
  if (self->at >= 0) atomic_fetch_add(&pool.done, 1);
  const unsigned until = self->begin + (unsigned)parts;
  for (unsigned i = 1; is_before(atomic_load(&pool.done), until); i++) {{
    const int part = untaken(self, parts);
    if (part >= 0) return self->at = part;
    if (i % 128 == 0) sched_yield(); /* fewer cores than threads */
#if defined(__x86_64__)
    else __builtin_ia32_pause();
#endif
  }}
  self->begin = until;
  return self->at = -1;
}}

static void steps(const job *j, worker self);

static void *help(void *mine) {{
  unsigned seen = 0;
  for (;;) {{
    pthread_mutex_lock(&pool.lock);
    while (pool.turn == seen) pthread_cond_wait(&pool.wake, &pool.lock);
    seen = pool.turn;
    const job now = pool.now;
    const unsigned begin = pool.begin;
    pthread_mutex_unlock(&pool.lock);
    steps(&now, (worker){{(int)(intptr_t)mine, -1, begin}});
  }}
  return 0;
}}

/* Starts the other threads, as many as may be, in the first run of a process; asks anew while there
   are none. */
static void start(void) {{
  if (pool.started && pool.process == getpid()) return;
  pthread_mutex_init(&pool.lock, 0); /* after a fork it may still be held, and waited for */
  pthread_cond_init(&pool.wake, 0);
  atomic_store(&pool.done, 0);
  for (int part = 0; part < THREADS; part++) atomic_store(&pool.taken[part].until, 0);
  pool.process = getpid();
  pool.turn = 0;
  pool.started = 0;
  pthread_attr_t kind;
  if (pthread_attr_init(&kind)) return;
  pthread_attr_setdetachstate(&kind, PTHREAD_CREATE_DETACHED);
  sigset_t all, before; /* the program's signals are not for these threads */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (intptr_t mine = 1; mine < THREADS; mine++) {{
    pthread_t one;
    if (pthread_create(&one, &kind, help, (void *)mine)) break;
    pool.started++;
  }}
  pthread_sigmask(SIG_SETMASK, &before, 0);
  pthread_attr_destroy(&kind);
}}
"""
RUN = """\

{signature} {{
  float *work = (float *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63);
{weights}  const job j = {{{values}}};
  if (pthread_mutex_trylock(&pool.used)) {{
    steps(&j, (worker){{-1, -1, 0}});
    return;
  }}
  start();
  const unsigned begin = atomic_load(&pool.done);
  if (pool.started) {{
    pthread_mutex_lock(&pool.lock);
    pool.now = j;
    pool.begin = begin;
    pool.turn++;
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
  }}
  steps(&j, (worker){{pool.started ? 0 : -1, -1, begin}});
  pthread_mutex_unlock(&pool.used);
}}
"""


def run_with_threads(
    signature: str, pointers: dict[str, str], threads: int, lines: list[str], hide: str
) -> str:
    """The C text of a run; `pointers` are its arrays, name and type, `lines` all its steps.

    Each step is a loop `EACH(parts)`, of one part or as many as threads. `hide` is C text behind
    the line that names the weights.
    """
    fields = "\n".join(f"  {kind} *{name};" for name, kind in pointers.items())
    text = TEXT.format(threads=threads, fields=fields)
    body = [f"{kind} *{name} = j->{name};" for name, kind in pointers.items()] + lines
    inside = "\n".join(f"  {line}" for line in body)
    text += f"\nstatic void steps(const job *j, worker self) {{\n{inside}\n}}\n"
    weights = f"  const float *weights = WEIGHTS;\n{hide}"
    return text + RUN.format(signature=signature, values=", ".join(pointers), weights=weights)
