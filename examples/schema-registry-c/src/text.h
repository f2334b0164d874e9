// Strings that know their length, and text that grows.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "memory.h"

struct string {
    const char *data;
    size_t length;
};

#define S(literal) ((struct string){(literal), sizeof(literal) - 1})
#define FORMAT(string) (int)(string).length, (string).data // for %.*s

struct string string_of(const char *text);
struct string string_copy(struct arena *arena, struct string string);
bool string_equal(struct string a, struct string b);
bool string_equal_any_case(struct string a, struct string b);
// Less than, equal to or greater than 0, by bytes.
int string_compare(struct string a, struct string b);
// Whether it is one of `count` words.
bool string_among(struct string string, const char *const *words, size_t count);
#define AMONG(string, words) string_among((string), (words), sizeof(words) / sizeof *(words))
// What printf would print, in the arena.
struct string string_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

// `(struct text){0}` is empty.
struct text {
    char *data;
    size_t length, capacity;
};

void text_add(struct text *text, struct string added);
void text_add_char(struct text *text, char added);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct string text_string(const struct text *text);
void text_free(struct text *text);
