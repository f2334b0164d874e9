#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAULTS] = {
    "slow",          "leak",        "lock",        "query",     "malloc",    "fragmentation",
    "copy-buffer",   "strlen",      "read-bytes",  "spin-lock", "leak-list",
};
static bool on[FAULTS];

static void refuse(const char *name, int length) {
    fprintf(stderr, "error: REGISTRY_FAULT: \"%.*s\" is not one of ", length, name);
    for (int fault = 0; fault < FAULTS; fault++) {
        fprintf(stderr, fault ? ", %s" : "%s", names[fault]);
    }
    fputc('\n', stderr);
}

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
            refuse(rest, (int)length);
            return false;
        }
        rest += length + (rest[length] == ',');
    }
    return true;
}

bool fault_on(enum fault fault) {
    return on[fault];
}
