// JSON (RFC 8259) as a tree in an arena. Numbers keep the digits they were written with.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "memory.h"
#include "text.h"

// Deeper nesting is refused, so that recursion over a value cannot exhaust the stack.
enum { MAX_DEPTH = 128 };

enum kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct member;

struct value {
    enum kind kind;
    bool truth;               // of a boolean
    size_t count;             // of items or members
    union {
        struct string string; // the text, or the digits of a number
        struct value *items;
        struct member *members; // each name once
    };
};

struct member {
    struct string name;
    struct value value;
};

struct value json_bool(bool truth);
struct value json_string(struct string string);
struct value json_number(struct arena *arena, size_t number);
struct value json_array(void);
struct value json_object(void);
void array_add(struct arena *arena, struct value *array, struct value item);
// Replaces the member of that name, if there is one.
void object_add(struct arena *arena, struct value *object, struct string name, struct value member);

// The member of that name, or NULL.
const struct value *json_get(const struct value *object, struct string name);
// The text of a string; of anything else, an empty one.
struct string json_text(const struct value *value);
// The number; of anything else, not a number.
double json_double(const struct value *value);
bool is_kind(const struct value *value, enum kind kind);
bool is_bool(const struct value *value, bool truth);
// Members in any order, and numbers by what they are worth.
bool json_equal(const struct value *a, const struct value *b);
// Whether an array has such an item.
bool json_contains(const struct value *array, const struct value *item);

// False if the text is not JSON or nested too deeply.
bool json_parse(struct arena *arena, struct string text, struct value *value);

void write_json(const struct value *value, struct text *out);
void write_quoted(struct string string, struct text *out);
// The value as compact JSON.
struct string to_json(struct arena *arena, const struct value *value);
