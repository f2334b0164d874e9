/* A shop that allocates in every way: inlined, by calloc and realloc, aligned, deep down, in threads, and too much. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void *orders[1000];

const char *__lsan_default_suppressions(void) { return "leak:known_*_cache\nleak:^only_at_start\n# a comment\nno rule\n"; }

static inline __attribute__((always_inline)) void *grab(size_t n) { return memset(malloc(n), 1, n); }
static inline __attribute__((always_inline)) void *grab_more(size_t n) { return grab(n + 8); }

__attribute__((noinline)) void keep_orders(int n) {
  for (int i = 0; i < n; i++) orders[i] = grab_more(100 + i % 7);
}

__attribute__((noinline)) void parse(int n) {
  for (int i = 0; i < n; i++) {
    free(malloc(64));
    char *line = calloc(3, 16), *other = malloc(10);
    line = realloc(line, 200);
    free(line);
    free(other);
  }
}

__attribute__((noinline)) int deep(int n) {
  int below = n ? deep(n - 1) : 0;
  orders[n] = malloc(32);
  return below + 1;
}

__attribute__((noinline)) void *known_price_cache(void) { return malloc(5000); }
__attribute__((noinline)) void *not_only_at_start(void) { return malloc(600); }
__attribute__((noinline)) void *only_at_start(void) { return malloc(700); }

static void *worker(void *unused) {
  parse(50);
  keep_orders(20);
  usleep(30000);
  return unused;
}

int main(void) {
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, worker, 0);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
  char *report = memset(malloc(1 << 20), 1, 1 << 20);
  usleep(20000);
  free(report);
  void *aligned = 0;
  if (posix_memalign(&aligned, 64, 1000)) return 1;
  free(aligned_alloc(64, 128));
  tzset();
  int frames = deep(60);
  printf("%d %p %p %p %p %p\n", frames, aligned, strdup("hello"), known_price_cache(), not_only_at_start(), only_at_start());
  return 0;
}
