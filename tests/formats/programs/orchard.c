/* A program whose memory and work are known, for valgrind's tools: orchard memory|grow|errors|checks|events|work
 *
 * memory: prune leaks 12 x 100 bytes for good and chain one list of 8 x 24 bytes (24 definitely, 168 indirectly), hedge
 *   leaves 3 x 40 bytes to an inner pointer (possibly), store 5 x 512 bytes (reachable); harvest holds 16 x 16 KiB at
 *   once, which is the peak, and frees them; glean allocates and frees 50 x 64 bytes.
 * grow: only store, nothing is ever freed. errors: one write and two reads out of bounds (the reads three times in one
 *   place), one free of freed memory. checks: leak checks while it runs. events: DHAT's ad-hoc events.
 * work: press calls pulp 20 times and core 5 times, both call squeeze; climb and descend call each other; ring itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/dhat.h>
#include <valgrind/memcheck.h>

#define NOINLINE __attribute__((noinline))

struct node {
  struct node *next;
  long pair[2];
};

void *volatile kept[5];
char *volatile inner[3];
static void *volatile lost;
static volatile unsigned sink;

NOINLINE static void prune(int n) {
  for (int i = 0; i < n; i++) {
    lost = malloc(100);
    memset(lost, 1, 100);
  }
  lost = NULL;
}

NOINLINE static void chain(int n) {
  struct node *head = NULL;
  for (int i = 0; i < n; i++) {
    struct node *one = calloc(1, sizeof *one);
    one->next = head;
    head = one;
  }
  lost = head;
  lost = NULL;
}

NOINLINE static void hedge(void) {
  for (int i = 0; i < 3; i++)
    inner[i] = (char *)malloc(40) + 8;
}

NOINLINE static void store(int n) {
  for (int i = 0; i < 5; i++) {
    kept[i] = realloc(NULL, (size_t)n);
    memset((void *)kept[i], 2, (size_t)n);
  }
}

NOINLINE static void harvest(void) {
  char *all[16];
  for (int i = 0; i < 16; i++)
    all[i] = memset(malloc(16384), 3, 16384);
  for (int i = 0; i < 16; i++)
    free(all[i]);
}

NOINLINE static void glean(int n) {
  for (int i = 0; i < n; i++) {
    lost = malloc(64);
    free(lost);
  }
  lost = NULL;
}

NOINLINE static void scrub(void) {
  volatile char rest[4096];
  for (int i = 0; i < 4096; i++)
    rest[i] = 0;
}

NOINLINE static void overrun(void) {
  volatile char *block = malloc(16);
  block[16] = 1;
  free((void *)block);
}

NOINLINE static void stale(int n) {
  volatile char *block = malloc(32);
  block[0] = 1;
  free((void *)block);
  for (int i = 0; i < n; i++)
    sink += (unsigned)block[0];
}

NOINLINE static void twice(void) {
  void *block = malloc(8);
  lost = block;
  free(block);
  free(lost);
  lost = NULL;
}

static inline unsigned fold(unsigned x) { return (x << 3) ^ (x >> 2); }

NOINLINE static unsigned squeeze(unsigned n) {
  unsigned sum = 0;
  for (unsigned i = 0; i < n; i++)
    sum += fold(i);
  sink = sum;
  return sum;
}

NOINLINE static unsigned pulp(unsigned n) { return squeeze(n) + 1; }
NOINLINE static unsigned core(unsigned n) { return squeeze(3 * n) + squeeze(n) + 2; }
NOINLINE static unsigned descend(unsigned n);
NOINLINE static unsigned climb(unsigned n) {
  sink += n;
  return n == 0 ? squeeze(5) : descend(n - 1) + 1;
}
NOINLINE static unsigned descend(unsigned n) {
  sink += 2;
  return n == 0 ? squeeze(7) : climb(n - 1) + 2;
}
NOINLINE static unsigned ring(unsigned n) { return n < 2 ? n : ring(n - 1) + ring(n - 2); }

NOINLINE unsigned press(unsigned n) {
  unsigned sum = 0;
  for (unsigned i = 0; i < 20; i++)
    sum += pulp(n);
  for (unsigned i = 0; i < 5; i++)
    sum += core(n);
  return sum + climb(9) + ring(8);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "memory";
  if (!strcmp(mode, "memory") || !strcmp(mode, "checks")) {
    store(512);
    prune(12);
    if (!strcmp(mode, "checks")) {
      VALGRIND_DO_LEAK_CHECK;
      prune(3);
    }
    chain(8);
    hedge();
    harvest();
    glean(50);
  } else if (!strcmp(mode, "grow")) {
    store(4096);
  } else if (!strcmp(mode, "errors")) {
    overrun();
    stale(3);
    twice();
  } else if (!strcmp(mode, "events")) {
    for (int i = 0; i < 4; i++)
      DHAT_AD_HOC_EVENT(25);
  } else {
    sink += press(100);
    sink += press(200);
  }
  scrub();
  return 0;
}
