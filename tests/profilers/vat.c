/* A small server for valgrind's tools: answers lines, leaks 10 bytes for each (spill), works for each (stir).
 *
 * vat [fork] [exec]: with fork, a child waits beside it, having spilt 500 bytes; with exec, it runs `vat aside`, which has
 * spilt 700. Prints "up PORT" when it listens, and "aside" for each child that waits. Ends on SIGTERM as the system has it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

static void *volatile lost;
static volatile unsigned sink;

NOINLINE static void spill(size_t n) {
  lost = malloc(n);
  memset(lost, 1, n);
  lost = NULL;
}

NOINLINE static void stir(unsigned n) {
  unsigned sum = 0;
  for (unsigned i = 0; i < n; i++)
    sum = (sum << 1) ^ i ^ sink;
  sink = sum;
}

NOINLINE static void serve(int from) {
  char line[64];
  while (read(from, line, sizeof line) > 0) {
    stir(1000);
    spill(10);
    if (write(from, "ok\n", 3) < 0)
      break;
  }
  close(from);
}

static void wait_aside(size_t n) {
  spill(n);
  printf("aside\n");
  fflush(stdout);
  pause();
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "aside"))
    wait_aside(700);
  for (int i = 1; i < argc; i++) {
    if (fork() == 0) {
      if (!strcmp(argv[i], "exec"))
        execl(argv[0], argv[0], "aside", (char *)NULL);
      wait_aside(500);
    }
  }
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof here;
  int door = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(door, (struct sockaddr *)&here, size) || listen(door, 5) || getsockname(door, (struct sockaddr *)&here, &size))
    return 1;
  printf("up %d\n", ntohs(here.sin_port));
  fflush(stdout);
  for (;;) {
    int from = accept(door, NULL, NULL);
    if (from >= 0)
      serve(from);
  }
}
