// A small schema registry: keeps JSON schemas by subject and version, validates documents, checks compatibility.
//
// API_KEY=… schema-registry --port 8000 --log registry.jsonl; ends cleanly on SIGTERM and SIGINT.
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "faults.h"
#include "http.h"
#include "routes.h"
#include "store.h"

enum { BAD_USE = 2, MOST_THREADS = 1024 };

struct options {
    uint16_t port;
    int threads;     // how many connections are served at once
    const char *log; // the file with the registered schemas, one a line
};

static long number(const char *text, long most) {
    char *end;
    long of = strtol(text, &end, 10);
    if (*end || of < 0 || of > most) {
        fprintf(stderr, "error: \"%s\" is not a number up to %ld\n", text, most);
        exit(BAD_USE);
    }
    return of;
}

static struct options parse_options(int argc, char **argv) {
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"threads", required_argument, NULL, 't'},
        {"log", required_argument, NULL, 'l'},
        {0},
    };
    struct options options = {.port = 8000, .threads = 16, .log = "registry.jsonl"};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'p':
            options.port = (uint16_t)number(optarg, UINT16_MAX);
            break;
        case 't':
            options.threads = (int)number(optarg, MOST_THREADS);
            break;
        case 'l':
            options.log = optarg;
            break;
        default:
            fputs("usage: schema-registry [--port 8000] [--threads 16] [--log registry.jsonl]\n", stderr);
            exit(BAD_USE);
        }
    }
    return options;
}

// SIGTERM and SIGINT are waited for instead of handled, so that main returns and whatever looks at the process can
// write what it saw. Threads that are started later inherit the mask.
static sigset_t block_termination(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

int main(int argc, char **argv) {
    struct options options = parse_options(argc, argv);
    struct service service = {.key = getenv("API_KEY")};
    if (!service.key || !*service.key) {
        fputs("error: API_KEY is not set: nobody could use the registry\n", stderr);
        return BAD_USE;
    }
    if (!faults_read() || !(service.store = store_open(options.log))) {
        return BAD_USE;
    }
    service.log = request_log_open();
    sigset_t termination = block_termination();
    struct server *server = server_start(&options.port, options.threads, answer, &service);
    if (server) {
        int signal;
        printf("listening on http://127.0.0.1:%u\n", options.port);
        fflush(stdout);
        sigwait(&termination, &signal);
        server_stop(server);
    } else {
        fprintf(stderr, "error: 127.0.0.1:%u: %s\n", options.port, strerror(errno));
    }
    request_log_close(service.log);
    store_close(service.store);
    return server ? EXIT_SUCCESS : BAD_USE;
}
