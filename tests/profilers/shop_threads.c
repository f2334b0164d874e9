/* A service to sample: two named threads and a forked worker, three to one in cost; ends with SIGTERM. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

__attribute__((noinline)) static void price(void) { volatile long sum = 0; for (int i = 0; i < 300000; i++) sum += i; }
__attribute__((noinline)) static void search(void) { volatile long sum = 0; for (int i = 0; i < 100000; i++) sum += i; }
__attribute__((noinline)) static void work(void) { while (!ended) { price(); search(); } }

static void *thread(void *name) {
  pthread_setname_np(pthread_self(), name);
  work();
  return NULL;
}

static void end(int number) { (void)number; ended = 1; }

int main(void) {
  signal(SIGTERM, end);
  pid_t child = fork();
  if (child == 0) { pthread_setname_np(pthread_self(), "worker"); work(); return 0; }
  pthread_t other;
  pthread_create(&other, NULL, thread, "shop thread");
  printf("up\n");
  fflush(stdout);
  while (!ended) pause();
  kill(child, SIGTERM);
  pthread_join(other, NULL);
  return 0;
}
