#include "compatibility.h"

#include <stdlib.h>

#include "schemas.h"

// Keywords, and whether a larger value accepts less.
static const struct bound {
    const char *keyword;
    bool larger_is_less;
} bounds[] = {
    {"minimum", true},           {"exclusiveMinimum", true}, {"minLength", true}, {"minItems", true},
    {"minProperties", true},     {"maximum", false},         {"maxLength", false}, {"maxItems", false},
    {"exclusiveMaximum", false}, {"maxProperties", false},
};
static const char *const fixed[] = {
    "pattern", "format", "multipleOf", "uniqueItems", "const", "anyOf", "oneOf", "allOf", "not", "if",
};
static const struct value anything = {.kind = JSON_BOOL, .truth = true};

// What is compared, and where the sentences go.
struct comparison {
    struct arena *arena;
    const struct value *old, *new;
    struct string path;
    struct value *problems;
};

#define COMPLAIN(comparison, format, ...)                                                                              \
    array_add((comparison)->arena, (comparison)->problems,                                                             \
              json_string(string_format((comparison)->arena, "%.*s" format, FORMAT((comparison)->path), __VA_ARGS__)))

static const struct value *get_or_anything(const struct value *schema, struct string name) {
    const struct value *value = json_get(schema, name);
    return value ? value : &anything;
}

static bool accepts_type(const struct value *schema, struct string type) {
    const struct value *given = json_get(schema, S("type"));
    struct value name = json_string(type);
    return !given || json_equal(given, &name) || json_contains(given, &name) ||
           (string_equal(type, S("integer")) && accepts_type(schema, S("number")));
}

static int by_text(const void *a, const void *b) {
    return string_compare(*(const struct string *)a, *(const struct string *)b);
}

// Adds `added` to a list of words with commas between.
static struct string listed(struct arena *arena, struct string list, struct string added) {
    const char *comma = list.length ? ", " : "";
    return string_format(arena, "%.*s%s%.*s", FORMAT(list), comma, FORMAT(added));
}

static void narrowed_types(const struct comparison *c) {
    struct string names[TYPES], lost = {0};
    for (size_t i = 0; i < TYPES; i++) {
        names[i] = string_of(types[i]);
    }
    qsort(names, TYPES, sizeof *names, by_text);
    for (size_t i = 0; i < TYPES; i++) {
        if (accepts_type(c->old, names[i]) && !accepts_type(c->new, names[i])) {
            lost = listed(c->arena, lost, names[i]);
        }
    }
    if (lost.length) {
        COMPLAIN(c, ": no longer accepts %.*s", FORMAT(lost));
    }
}

static void narrowed_enum(const struct comparison *c) {
    const struct value *before = json_get(c->old, S("enum")), *now = json_get(c->new, S("enum"));
    struct string lost = before ? S("") : S("any other value");
    for (size_t i = 0; is_kind(before, JSON_ARRAY) && i < before->count; i++) {
        const struct value *value = &before->items[i];
        if (!json_contains(now, value)) {
            lost = listed(c->arena, lost, value->kind == JSON_STRING ? value->string : to_json(c->arena, value));
        }
    }
    if (now && lost.length) {
        COMPLAIN(c, ": enum no longer has %.*s", FORMAT(lost));
    }
}

static void narrowed_bounds(const struct comparison *c) {
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        struct string keyword = string_of(bounds[i].keyword);
        const struct value *before = json_get(c->old, keyword), *now = json_get(c->new, keyword);
        double was = json_double(before), is = json_double(now);
        if (now && (!before || (bounds[i].larger_is_less ? is > was : is < was))) {
            struct string from = before ? to_json(c->arena, before) : S("unlimited"), to = to_json(c->arena, now);
            COMPLAIN(c, ": %s went from %.*s to %.*s", bounds[i].keyword, FORMAT(from), FORMAT(to));
        }
    }
}

static void changed_keywords(const struct comparison *c) {
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        const struct value *now = json_get(c->new, string_of(fixed[i]));
        if (now && !json_equal(json_get(c->old, string_of(fixed[i])), now)) {
            COMPLAIN(c, ": %s changed", fixed[i]);
        }
    }
}

static void newly_required(const struct comparison *c) {
    const struct value *before = json_get(c->old, S("required")), *now = json_get(c->new, S("required"));
    const struct value *properties = json_get(c->new, S("properties"));
    size_t count = is_kind(now, JSON_ARRAY) ? now->count : 0;
    struct string *names = arena_allocate(c->arena, count * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = json_text(&now->items[i]);
    }
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++) {
        struct value name = json_string(names[i]);
        bool again = i && string_equal(names[i], names[i - 1]);
        bool has_default = json_get(json_get(properties, names[i]), S("default"));
        if (!again && !json_contains(before, &name) && !has_default) {
            COMPLAIN(c, ".%.*s: became required", FORMAT(names[i]));
        }
    }
}

static void narrowed_object(const struct comparison *c) {
    const struct value *before = json_get(c->old, S("properties")), *now = json_get(c->new, S("properties"));
    const struct value *open_before = get_or_anything(c->old, S("additionalProperties"));
    const struct value *open_now = get_or_anything(c->new, S("additionalProperties"));
    newly_required(c);
    if (!is_bool(open_before, false)) {
        struct string path = string_format(c->arena, "%.*s.*", FORMAT(c->path));
        incompatibilities(c->arena, open_before, open_now, path, c->problems);
    }
    for (size_t i = 0; is_kind(before, JSON_OBJECT) && i < before->count; i++) {
        struct string name = before->members[i].name;
        const struct value *property = json_get(now, name);
        if (property) {
            struct string path = string_format(c->arena, "%.*s.%.*s", FORMAT(c->path), FORMAT(name));
            incompatibilities(c->arena, &before->members[i].value, property, path, c->problems);
        } else if (!is_bool(open_now, true)) {
            COMPLAIN(c, ".%.*s: was removed, and no other properties are allowed", FORMAT(name));
        }
    }
}

void incompatibilities(struct arena *arena, const struct value *old, const struct value *new, struct string path,
                       struct value *problems) {
    struct comparison comparison = {arena, old, new, path, problems};
    bool accepts_all = is_bool(new, true) || (new->kind == JSON_OBJECT && new->count == 0);
    if (accepts_all || json_equal(old, new)) {
        return;
    }
    if (old->kind != JSON_OBJECT || new->kind != JSON_OBJECT) {
        struct string was = to_json(arena, old), is = to_json(arena, new);
        COMPLAIN(&comparison, ": %.*s became %.*s", FORMAT(was), FORMAT(is));
        return;
    }
    narrowed_types(&comparison);
    narrowed_enum(&comparison);
    narrowed_bounds(&comparison);
    changed_keywords(&comparison);
    narrowed_object(&comparison);
    struct string items = string_format(arena, "%.*s[]", FORMAT(path));
    incompatibilities(arena, get_or_anything(old, S("items")), get_or_anything(new, S("items")), items, problems);
}
