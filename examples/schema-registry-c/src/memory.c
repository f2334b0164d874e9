#include "memory.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

void *allocate(size_t size) {
    return reallocate(NULL, size);
}

void *reallocate(void *memory, size_t size) {
    void *moved = realloc(memory, size);
    if (!moved) {
        fputs("error: out of memory\n", stderr);
        abort();
    }
    return moved;
}

static struct block *add_block(struct arena *arena, size_t least) {
    size_t size = least > BLOCK_SIZE ? least : BLOCK_SIZE;
    struct block *block = allocate(sizeof *block + size);
    *block = (struct block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    return block;
}

void *arena_allocate(struct arena *arena, size_t size) {
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        block = add_block(arena, size);
    }
    void *memory = block->data + block->used;
    block->used += size;
    return memory;
}

void arena_reset(struct arena *arena) {
    while (arena->blocks && arena->blocks->next) {
        struct block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    if (arena->blocks) {
        arena->blocks->used = 0;
    }
}

void arena_free(struct arena *arena) {
    arena_reset(arena);
    free(arena->blocks);
    arena->blocks = NULL;
}
