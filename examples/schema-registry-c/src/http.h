// HTTP/1.1 on 127.0.0.1 with connections that stay open. Every thread of the pool takes a connection, serves it until
// the client closes it, and takes the next one.
#pragma once

#include <stdint.h>

#include "memory.h"
#include "text.h"

enum { LARGEST_BODY = 256 * 1024, MOST_HEADERS = 64 };

struct header {
    struct string name, value;
};

struct request {
    struct string method, path, body; // the path as it was sent, without the query
    struct header headers[MOST_HEADERS];
    size_t header_count;
};

struct response {
    int status;
    char id[33];      // for the header X-Request-ID; empty: none
    struct text body; // JSON
};

// The value of a header, in any case; empty if it is not there.
struct string request_header(const struct request *request, const char *name);

// Fills in `response`. Called from all threads at once; `arena` lives until the response is sent.
typedef void answer_function(void *context, const struct request *request, struct arena *arena,
                             struct response *response);

struct server;

// NULL, with errno, if the port cannot be had. `*port` 0 becomes the one that was free.
struct server *server_start(uint16_t *port, int threads, answer_function *answer, void *context);
// Requests that are being answered are answered, then everything is closed.
void server_stop(struct server *server);
