// What the service answers, route by route.
#pragma once

#include "audit.h"
#include "http.h"
#include "store.h"

struct service {
    struct store *store;
    struct request_log *log;
    const char *key;
};

// Answers any request: nobody gets in without the key, and every answer has an id and is recorded. `context` is a
// struct service.
void answer(void *context, const struct request *request, struct arena *arena, struct response *response);
