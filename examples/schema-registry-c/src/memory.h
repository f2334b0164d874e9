// Memory that cannot run out, and memory that is given back all at once.
#pragma once

#include <stddef.h>

// As malloc and realloc; the program ends if there is no memory.
void *allocate(size_t size);
void *reallocate(void *memory, size_t size);

struct block;

// What is allocated from an arena lives until it is reset or freed. `(struct arena){0}` is an empty one.
struct arena {
    struct block *blocks; // the newest one first
};

void *arena_allocate(struct arena *arena, size_t size);
// Keeps one block for what comes next.
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);
