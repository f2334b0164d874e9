// Faults to be found by profilers, switched on by REGISTRY_FAULT=slow,leak,lock,query (any of them).
#pragma once

#include <stdbool.h>

enum fault {
    FAULT_SLOW,  // canonicalise does the work of several
    FAULT_LEAK,  // record_request does not free the answers it keeps
    FAULT_LOCK,  // with_registry_lock holds the lock longer than it has to
    FAULT_QUERY, // schemas are looked up in the file instead of in the index
    // the others are calls of a function in defects.h
    FAULT_MALLOC,
    FAULT_FRAGMENTATION,
    FAULT_COPY_BUFFER,
    FAULT_STRLEN,
    FAULT_READ_BYTES,
    FAULT_SPIN_LOCK,
    FAULT_LEAK_LIST,
    FAULTS
};

// Reads REGISTRY_FAULT, before there are threads; false, with a message, if it names something else.
bool faults_read(void);
bool fault_on(enum fault fault);

// Neither inlined nor cloned: one function in every profile.
#ifdef __clang__
#define ONE_FUNCTION __attribute__((noinline))
#else
#define ONE_FUNCTION __attribute__((noipa))
#endif
