#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value json_bool(bool truth) {
    return (struct value){.kind = JSON_BOOL, .truth = truth};
}

struct value json_string(struct string string) {
    return (struct value){.kind = JSON_STRING, .string = string};
}

struct value json_number(struct arena *arena, size_t number) {
    return (struct value){.kind = JSON_NUMBER, .string = string_format(arena, "%zu", number)};
}

struct value json_array(void) {
    return (struct value){.kind = JSON_ARRAY};
}

struct value json_object(void) {
    return (struct value){.kind = JSON_OBJECT};
}

// Room for one more: moved to twice the room whenever `count` is a power of two.
static void *grown(struct arena *arena, void *old, size_t count, size_t size) {
    if (count & (count - 1)) {
        return old;
    }
    void *larger = arena_allocate(arena, (count ? 2 * count : 1) * size);
    return count ? memcpy(larger, old, count * size) : larger;
}

void array_add(struct arena *arena, struct value *array, struct value item) {
    array->items = grown(arena, array->items, array->count, sizeof item);
    array->items[array->count++] = item;
}

void object_add(struct arena *arena, struct value *object, struct string name, struct value value) {
    struct value *known = (struct value *)json_get(object, name);
    if (known) {
        *known = value;
        return;
    }
    object->members = grown(arena, object->members, object->count, sizeof *object->members);
    object->members[object->count++] = (struct member){name, value};
}

const struct value *json_get(const struct value *object, struct string name) {
    for (size_t i = 0; is_kind(object, JSON_OBJECT) && i < object->count; i++) {
        if (string_equal(object->members[i].name, name)) {
            return &object->members[i].value;
        }
    }
    return NULL;
}

struct string json_text(const struct value *value) {
    return is_kind(value, JSON_STRING) ? value->string : S("");
}

double json_double(const struct value *value) {
    char digits[64];
    if (!is_kind(value, JSON_NUMBER)) {
        return NAN;
    }
    snprintf(digits, sizeof digits, "%.*s", FORMAT(value->string));
    return strtod(digits, NULL);
}

bool is_kind(const struct value *value, enum kind kind) {
    return value && value->kind == kind;
}

bool is_bool(const struct value *value, bool truth) {
    return is_kind(value, JSON_BOOL) && value->truth == truth;
}

static bool equal_members(const struct value *a, const struct value *b) {
    for (size_t i = 0; i < a->count; i++) {
        if (!json_equal(&a->members[i].value, json_get(b, a->members[i].name))) {
            return false;
        }
    }
    return true;
}

bool json_equal(const struct value *a, const struct value *b) {
    if (!a || !b || a->kind != b->kind || a->count != b->count) {
        return false;
    }
    switch (a->kind) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return a->truth == b->truth;
    case JSON_NUMBER:
        return string_equal(a->string, b->string) || json_double(a) == json_double(b);
    case JSON_STRING:
        return string_equal(a->string, b->string);
    case JSON_ARRAY:
        for (size_t i = 0; i < a->count; i++) {
            if (!json_equal(&a->items[i], &b->items[i])) {
                return false;
            }
        }
        return true;
    case JSON_OBJECT:
        return equal_members(a, b);
    }
    return false;
}

bool json_contains(const struct value *array, const struct value *item) {
    for (size_t i = 0; is_kind(array, JSON_ARRAY) && i < array->count; i++) {
        if (json_equal(&array->items[i], item)) {
            return true;
        }
    }
    return false;
}

void write_json(const struct value *value, struct text *out) {
    switch (value->kind) {
    case JSON_NULL:
        text_add(out, S("null"));
        break;
    case JSON_BOOL:
        text_add(out, value->truth ? S("true") : S("false"));
        break;
    case JSON_NUMBER:
        text_add(out, value->string);
        break;
    case JSON_STRING:
        write_quoted(value->string, out);
        break;
    case JSON_ARRAY:
        text_add_char(out, '[');
        for (size_t i = 0; i < value->count; i++) {
            text_add(out, i ? S(",") : S(""));
            write_json(&value->items[i], out);
        }
        text_add_char(out, ']');
        break;
    case JSON_OBJECT:
        text_add_char(out, '{');
        for (size_t i = 0; i < value->count; i++) {
            text_add(out, i ? S(",") : S(""));
            write_quoted(value->members[i].name, out);
            text_add_char(out, ':');
            write_json(&value->members[i].value, out);
        }
        text_add_char(out, '}');
        break;
    }
}

static void write_escape(unsigned char letter, struct text *out) {
    static const char letters[] = "\"\\\n\r\t\b\f", escapes[] = "\"\\nrtbf";
    const char *known = letter ? strchr(letters, letter) : NULL;
    if (known) {
        text_add_char(out, '\\');
        text_add_char(out, escapes[known - letters]);
    } else {
        text_format(out, "\\u%04x", letter);
    }
}

void write_quoted(struct string string, struct text *out) {
    size_t plain = 0; // where what needs no escape begins
    text_add_char(out, '"');
    for (size_t i = 0; i < string.length; i++) {
        unsigned char letter = (unsigned char)string.data[i];
        if (letter < ' ' || letter == '"' || letter == '\\') {
            text_add(out, (struct string){string.data + plain, i - plain});
            write_escape(letter, out);
            plain = i + 1;
        }
    }
    text_add(out, (struct string){string.data + plain, string.length - plain});
    text_add_char(out, '"');
}

struct string to_json(struct arena *arena, const struct value *value) {
    struct text text = {0};
    write_json(value, &text);
    struct string copy = string_copy(arena, text_string(&text));
    text_free(&text);
    return copy;
}
