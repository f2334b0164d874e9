/* What glibc's allocator says of itself, written to a file ten times a second by a thread of its own; less often where
 * that takes long, since malloc waits meanwhile.
 *
 * Put in front of a service with LD_PRELOAD; PERF_ACTION_MALLOC_INFO names the folder. Each process writes
 * malloc-info.<pid>.xml, whole or not at all, once it holds 1 MiB: below, the room that every heap begins with is all
 * there is to see. https://man7.org/linux/man-pages/man3/malloc_info.3.html
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifndef __GLIBC__
#error "malloc_info is of the GNU C library"
#endif

enum { LEAST = 1 << 20, RARELY = 100 };
static const double PAUSE = 0.1, LONG = 0.001;
static char folder[4000];

static void write_down(void) {
    struct mallinfo2 held = mallinfo2();
    if (held.arena + held.hblkhd < LEAST) return;
    char path[4100], part[4110];
    snprintf(path, sizeof path, "%s/malloc-info.%d.xml", folder, (int)getpid());
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "we");
    if (file == NULL) return;
    int failed = malloc_info(0, file);
    failed |= fclose(file);
    if (failed || rename(part, path) != 0) unlink(part);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *watch(void *unused) {
    (void)unused;
    for (double took = 0;;) {
        double pause = took > LONG ? took * RARELY : PAUSE;
        nanosleep(&(struct timespec){.tv_sec = (time_t)pause, .tv_nsec = (long)((pause - (time_t)pause) * 1e9)}, NULL);
        double began = seconds();
        write_down();
        took = seconds() - began;
    }
    return NULL;
}

/* The service's own threads get its signals. */
static void begin(void) {
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (pthread_create(&thread, NULL, watch, NULL) == 0) pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

__attribute__((constructor)) static void start(void) {
    const char *named = getenv("PERF_ACTION_MALLOC_INFO");
    if (named == NULL || (size_t)snprintf(folder, sizeof folder, "%s", named) >= sizeof folder) return;
    pthread_atfork(NULL, NULL, begin);
    begin();
}
