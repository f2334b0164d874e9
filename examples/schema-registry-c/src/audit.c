#include "audit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "faults.h"

enum { KEPT = 256 };

struct entry {
    char id[33];
    char *request, *answer; // the answer only with the fault
    int status;
    size_t bytes;
    double ms;
};

struct request_log {
    pthread_mutex_t lock;
    size_t recorded; // ever; the next entry goes to this, modulo KEPT
    struct entry entries[KEPT];
};

struct request_log *request_log_open(void) {
    struct request_log *log = allocate(sizeof *log);
    *log = (struct request_log){0};
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

// The fault: an entry goes without the answer it has.
static void forget(struct entry *entry) {
    free(entry->request);
}

void request_log_close(struct request_log *log) {
    for (size_t i = 0; i < KEPT; i++) {
        forget(&log->entries[i]);
    }
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static char *text_copy(struct string text) {
    char *copy = allocate(text.length + 1);
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return copy;
}

ONE_FUNCTION void record_request(struct request_log *log, const struct request *request,
                                 const struct response *response, double seconds) {
    size_t length = request->method.length + 1 + request->path.length;
    struct entry entry = {
        .request = allocate(length + 1),
        .status = response->status,
        .bytes = response->body.length,
        .ms = seconds * 1000,
    };
    memcpy(entry.id, response->id, sizeof entry.id);
    memcpy(entry.request, request->method.data, request->method.length);
    entry.request[request->method.length] = ' ';
    memcpy(entry.request + request->method.length + 1, request->path.data, request->path.length);
    entry.request[length] = '\0';
    if (fault_on(FAULT_LEAK)) {
        entry.answer = text_copy(text_string(&response->body));
    }
    pthread_mutex_lock(&log->lock);
    struct entry *place = &log->entries[log->recorded++ % KEPT];
    forget(place);
    *place = entry;
    pthread_mutex_unlock(&log->lock);
}

static struct value describe(struct arena *arena, const struct entry *entry) {
    struct value description = json_object();
    struct value ms = {.kind = JSON_NUMBER, .string = string_format(arena, "%.3f", entry->ms)};
    object_add(arena, &description, S("id"), json_string(string_copy(arena, string_of(entry->id))));
    object_add(arena, &description, S("request"), json_string(string_copy(arena, string_of(entry->request))));
    object_add(arena, &description, S("status"), json_number(arena, (size_t)entry->status));
    object_add(arena, &description, S("bytes"), json_number(arena, entry->bytes));
    object_add(arena, &description, S("ms"), ms);
    return description;
}

struct value recent_requests(struct request_log *log, struct arena *arena) {
    struct value recent = json_array();
    pthread_mutex_lock(&log->lock);
    size_t first = log->recorded > KEPT ? log->recorded - KEPT : 0;
    for (size_t i = first; i < log->recorded; i++) {
        array_add(arena, &recent, describe(arena, &log->entries[i % KEPT]));
    }
    pthread_mutex_unlock(&log->lock);
    return recent;
}

void make_request_id(char id[33]) {
    static const char digits[] = "0123456789abcdef";
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        abort(); // not on any Linux that has the call
    }
    for (size_t i = 0; i < sizeof random; i++) {
        id[2 * i] = digits[random[i] >> 4];
        id[2 * i + 1] = digits[random[i] & 15];
    }
    id[32] = '\0';
}
