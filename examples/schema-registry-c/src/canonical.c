#include "canonical.h"

#include <stdint.h>
#include <stdlib.h>

#include "faults.h"
#include "sha256.h"

enum { WASTED_ROUNDS = 32 }; // how often the fault looks at each letter

static const char *const annotations[] = {"$comment", "$schema", "title", "description", "examples"};
static const char *const unordered[] = {"required", "enum", "type"};

static int by_name(const void *a, const void *b) {
    return string_compare((*(const struct member *const *)a)->name, (*(const struct member *const *)b)->name);
}

static int by_text(const void *a, const void *b) {
    return string_compare(*(const struct string *)a, *(const struct string *)b);
}

// The members that count, sorted.
static const struct member **kept_members(struct arena *arena, const struct value *object, enum names names,
                                          size_t *count) {
    const struct member **kept = arena_allocate(arena, object->count * sizeof *kept);
    *count = 0;
    for (size_t i = 0; i < object->count; i++) {
        if (names == PROPERTIES || !AMONG(object->members[i].name, annotations)) {
            kept[(*count)++] = &object->members[i];
        }
    }
    qsort(kept, *count, sizeof *kept, by_name);
    return kept;
}

static void write_sorted(struct arena *arena, const struct value *array, struct text *out) {
    struct string *texts = arena_allocate(arena, array->count * sizeof *texts);
    for (size_t i = 0; i < array->count; i++) {
        struct text text = {0};
        canonicalise(arena, &array->items[i], KEYWORDS, &text);
        texts[i] = string_copy(arena, text_string(&text));
        text_free(&text);
    }
    qsort(texts, array->count, sizeof *texts, by_text);
    text_add_char(out, '[');
    for (size_t i = 0; i < array->count; i++) {
        text_add(out, i ? S(",") : S(""));
        text_add(out, texts[i]);
    }
    text_add_char(out, ']');
}

static void write_member(struct arena *arena, const struct member *member, enum names names, struct text *out) {
    bool keyword = names == KEYWORDS;
    write_quoted(member->name, out);
    text_add_char(out, ':');
    if (keyword && member->value.kind == JSON_ARRAY && AMONG(member->name, unordered)) {
        write_sorted(arena, &member->value, out);
    } else {
        bool properties = keyword && string_equal(member->name, S("properties"));
        canonicalise(arena, &member->value, properties ? PROPERTIES : KEYWORDS, out);
    }
}

ONE_FUNCTION void canonicalise(struct arena *arena, const struct value *node, enum names names, struct text *out) {
    size_t start = out->length;
    if (node->kind == JSON_ARRAY) {
        text_add_char(out, '[');
        for (size_t i = 0; i < node->count; i++) {
            text_add(out, i ? S(",") : S(""));
            canonicalise(arena, &node->items[i], KEYWORDS, out);
        }
        text_add_char(out, ']');
    } else if (node->kind == JSON_OBJECT) {
        size_t count;
        const struct member **members = kept_members(arena, node, names, &count);
        text_add_char(out, '{');
        for (size_t i = 0; i < count; i++) {
            text_add(out, i ? S(",") : S(""));
            write_member(arena, members[i], names, out);
        }
        text_add_char(out, '}');
    } else {
        write_json(node, out);
    }
    if (fault_on(FAULT_SLOW)) {
        uint64_t sum = 0;
        for (unsigned round = 0; round < WASTED_ROUNDS; round++) {
            for (size_t i = start; i < out->length; i++) {
                sum = (sum ^ (unsigned char)out->data[i]) * (UINT64_C(0x100000001b3) + round);
            }
        }
        volatile uint64_t wasted = sum;
        (void)wasted;
    }
}

struct string fingerprint(struct arena *arena, const struct value *schema) {
    struct text text = {0};
    canonicalise(arena, schema, KEYWORDS, &text);
    struct string digest = sha256(arena, text_string(&text));
    text_free(&text);
    return digest;
}
