#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct string string_of(const char *text) {
    return (struct string){text, strlen(text)};
}

struct string string_copy(struct arena *arena, struct string string) {
    char *copy = arena_allocate(arena, string.length);
    if (string.length) {
        memcpy(copy, string.data, string.length);
    }
    return (struct string){copy, string.length};
}

bool string_equal(struct string a, struct string b) {
    return a.length == b.length && string_compare(a, b) == 0;
}

bool string_equal_any_case(struct string a, struct string b) {
    return a.length == b.length && strncasecmp(a.data, b.data, a.length) == 0;
}

int string_compare(struct string a, struct string b) {
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool string_among(struct string string, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (string_equal(string, string_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static void reserve(struct text *text, size_t more) {
    if (text->capacity - text->length >= more) {
        return;
    }
    size_t wanted = text->length + more;
    text->capacity = text->capacity * 2 > wanted ? text->capacity * 2 : wanted;
    text->data = reallocate(text->data, text->capacity);
}

void text_add(struct text *text, struct string added) {
    if (added.length) {
        reserve(text, added.length);
        memcpy(text->data + text->length, added.data, added.length);
        text->length += added.length;
    }
}

void text_add_char(struct text *text, char added) {
    reserve(text, 1);
    text->data[text->length++] = added;
}

static void add_formatted(struct text *text, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    reserve(text, (size_t)length + 1);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
    text->length += (size_t)length;
    va_end(again);
}

void text_format(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add_formatted(text, format, arguments);
    va_end(arguments);
}

struct string string_format(struct arena *arena, const char *format, ...) {
    struct text text = {0};
    va_list arguments;
    va_start(arguments, format);
    add_formatted(&text, format, arguments);
    va_end(arguments);
    struct string copy = string_copy(arena, text_string(&text));
    text_free(&text);
    return copy;
}

struct string text_string(const struct text *text) {
    return (struct string){text->data, text->length};
}

void text_free(struct text *text) {
    free(text->data);
    *text = (struct text){0};
}
