/* A service that allocates: some for a moment, some for good. Prints "up"; with "polite", SIGTERM ends it by exit(). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t told;
void *kept[1 << 16];

static void on_term(int number) { told = number; }

__attribute__((noinline)) void keep(int i) { kept[i] = memset(malloc(1000), 1, 1000); }
__attribute__((noinline)) void handle(void) {
  char *volatile answer = malloc(300);
  answer[0] = 1;
  free(answer);
}

int main(int argc, char **argv) {
  int requests = argc > 1 ? atoi(argv[1]) : 100, forever = argc > 2 && !strcmp(argv[2], "forever");
  if (argc > 3) signal(SIGTERM, on_term);
  for (int i = 0; i < requests; i++) {
    keep(i);
    for (int k = 0; k < 10; k++) handle();
  }
  puts("up");
  fflush(stdout);
  while (forever && !told) {
    handle();
    keep(requests++ & 0x7fff);
    usleep(1000);
  }
  return 0;
}
