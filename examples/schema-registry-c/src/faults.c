#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAULTS] = {"slow", "leak", "lock", "query"};
static bool on[FAULTS];

bool faults_read(void) {
    const char *rest = getenv("REGISTRY_FAULT");
    while (rest && *rest) {
        size_t length = strcspn(rest, ",");
        int fault = 0;
        while (fault < FAULTS && (strlen(names[fault]) != length || strncmp(names[fault], rest, length) != 0)) {
            fault++;
        }
        if (fault < FAULTS) {
            on[fault] = true;
        } else if (length) {
            static const char message[] = "error: REGISTRY_FAULT: \"%.*s\" is not one of slow, leak, lock, query\n";
            fprintf(stderr, message, (int)length, rest);
            return false;
        }
        rest += length + (rest[length] == ',');
    }
    return true;
}

bool fault_on(enum fault fault) {
    return on[fault];
}
