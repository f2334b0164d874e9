#include "validation.h"

#include <math.h>

#include "formats.h"
#include "pattern.h"
#include "utf8.h"

enum { MOST_ERRORS = 20, LONGEST_MESSAGE = 200 };

// A document as it is looked at, and what was found.
struct check {
    struct arena *arena;
    struct value found;
};

static void validate(struct check *check, const struct value *schema, const struct value *value, struct string path);

static struct string shortened(struct string message) {
    size_t end = 0;
    for (size_t points = 0; points < LONGEST_MESSAGE && end < message.length; points++) {
        utf8_next(message, &end);
    }
    return (struct string){message.data, end};
}

static void complain(struct check *check, const struct value *value, struct string path, struct string message) {
    if (check->found.count == MOST_ERRORS) {
        return;
    }
    struct string given = to_json(check->arena, value);
    struct string sentence = string_format(check->arena, "%.*s %.*s", FORMAT(given), FORMAT(message));
    struct value error = json_object();
    object_add(check->arena, &error, S("path"), json_string(path));
    object_add(check->arena, &error, S("message"), json_string(shortened(sentence)));
    array_add(check->arena, &check->found, error);
}

static bool is_valid(struct arena *arena, const struct value *schema, const struct value *value) {
    return validate_document(arena, schema, value).count == 0;
}

static size_t fitting(struct arena *arena, const struct value *schemas, const struct value *value) {
    size_t count = 0;
    for (size_t i = 0; is_kind(schemas, JSON_ARRAY) && i < schemas->count; i++) {
        count += is_valid(arena, &schemas->items[i], value);
    }
    return count;
}

static bool has_type(const struct value *value, const struct value *wanted) {
    static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"}; // as enum kind
    for (size_t i = 0; wanted->kind == JSON_ARRAY && i < wanted->count; i++) {
        if (has_type(value, &wanted->items[i])) {
            return true;
        }
    }
    struct string name = json_text(wanted);
    if (string_equal(name, S("integer"))) {
        double number = json_double(value);
        return number == trunc(number);
    }
    return string_equal(name, string_of(names[value->kind]));
}

static bool breaks_bound(struct string word, double bound, double number) {
    if (string_equal(word, S("minimum"))) {
        return number < bound;
    }
    if (string_equal(word, S("maximum"))) {
        return number > bound;
    }
    if (string_equal(word, S("exclusiveMinimum"))) {
        return number <= bound;
    }
    if (string_equal(word, S("exclusiveMaximum"))) {
        return number >= bound;
    }
    return string_equal(word, S("multipleOf")) && fmod(number, bound) != 0;
}

static bool breaks_size(struct string word, struct string least, struct string most, double bound, size_t size) {
    return (string_equal(word, least) && (double)size < bound) || (string_equal(word, most) && (double)size > bound);
}

static bool breaks_text(struct string word, const struct value *wanted, struct string text) {
    if (string_equal(word, S("pattern"))) {
        return !pattern_matches(json_text(wanted), text);
    }
    if (string_equal(word, S("format"))) {
        return !is_of_format(text, json_text(wanted));
    }
    return breaks_size(word, S("minLength"), S("maxLength"), json_double(wanted), utf8_count(text));
}

static bool has_twice(const struct value *array) {
    for (size_t i = 1; i < array->count; i++) {
        struct value before = *array;
        before.count = i;
        if (json_contains(&before, &array->items[i])) {
            return true;
        }
    }
    return false;
}

static bool breaks_limit(struct string word, const struct value *wanted, const struct value *value) {
    switch (value->kind) {
    case JSON_NUMBER:
        return breaks_bound(word, json_double(wanted), json_double(value));
    case JSON_STRING:
        return breaks_text(word, wanted, value->string);
    case JSON_ARRAY:
        if (string_equal(word, S("uniqueItems"))) {
            return is_bool(wanted, true) && has_twice(value);
        }
        return breaks_size(word, S("minItems"), S("maxItems"), json_double(wanted), value->count);
    case JSON_OBJECT:
        return breaks_size(word, S("minProperties"), S("maxProperties"), json_double(wanted), value->count);
    default:
        return false;
    }
}

// Whether `value` breaks a rule that is about itself, not about what is in it.
static bool breaks(struct arena *arena, struct string word, const struct value *wanted, const struct value *value) {
    if (string_equal(word, S("type"))) {
        return !has_type(value, wanted);
    }
    if (string_equal(word, S("enum"))) {
        return !json_contains(wanted, value);
    }
    if (string_equal(word, S("const"))) {
        return !json_equal(wanted, value);
    }
    if (string_equal(word, S("anyOf"))) {
        return fitting(arena, wanted, value) == 0;
    }
    if (string_equal(word, S("oneOf"))) {
        return fitting(arena, wanted, value) != 1;
    }
    if (string_equal(word, S("not"))) {
        return is_valid(arena, wanted, value);
    }
    return breaks_limit(word, wanted, value);
}

static void require(struct check *check, const struct value *names, const struct value *value, struct string path) {
    for (size_t i = 0; value->kind == JSON_OBJECT && i < names->count; i++) {
        struct string name = json_text(&names->items[i]);
        if (!json_get(value, name)) {
            struct string message = string_format(check->arena, "lacks the required \"%.*s\"", FORMAT(name));
            complain(check, value, path, message);
        }
    }
}

static void validate_rules(struct check *check, const struct value *schema, const struct value *value,
                           struct string path) {
    for (size_t i = 0; i < schema->count; i++) {
        struct string word = schema->members[i].name;
        const struct value *wanted = &schema->members[i].value;
        if (string_equal(word, S("required"))) {
            require(check, wanted, value, path);
        } else if (breaks(check->arena, word, wanted, value)) {
            struct string rule = to_json(check->arena, wanted);
            struct string message =
                string_format(check->arena, "breaks %.*s: %.*s", FORMAT(word), FORMAT(rule));
            complain(check, value, path, message);
        }
    }
}

// Looks at what is in an array or object.
static void validate_parts(struct check *check, const struct value *schema, const struct value *value,
                           struct string path) {
    const struct value *items = json_get(schema, S("items")), *properties = json_get(schema, S("properties"));
    const struct value *others = json_get(schema, S("additionalProperties"));
    for (size_t i = 0; items && value->kind == JSON_ARRAY && i < value->count; i++) {
        struct string place = string_format(check->arena, "%.*s[%zu]", FORMAT(path), i);
        validate(check, items, &value->items[i], place);
    }
    for (size_t i = 0; value->kind == JSON_OBJECT && i < value->count; i++) {
        struct string name = value->members[i].name;
        const struct value *known = json_get(properties, name), *wanted = known ? known : others;
        if (wanted) {
            struct string place = string_format(check->arena, "%.*s.%.*s", FORMAT(path), FORMAT(name));
            validate(check, wanted, &value->members[i].value, place);
        }
    }
}

static void validate(struct check *check, const struct value *schema, const struct value *value, struct string path) {
    if (schema->kind != JSON_OBJECT) {
        if (is_bool(schema, false)) {
            complain(check, value, path, S("is not allowed here"));
        }
        return;
    }
    validate_rules(check, schema, value, path);
    validate_parts(check, schema, value, path);
    const struct value *all = json_get(schema, S("allOf")), *condition = json_get(schema, S("if"));
    for (size_t i = 0; is_kind(all, JSON_ARRAY) && i < all->count; i++) {
        validate(check, &all->items[i], value, path);
    }
    if (condition) {
        bool holds = is_valid(check->arena, condition, value);
        const struct value *branch = json_get(schema, holds ? S("then") : S("else"));
        if (branch) {
            validate(check, branch, value, path);
        }
    }
}

struct value validate_document(struct arena *arena, const struct value *schema, const struct value *document) {
    struct check check = {.arena = arena, .found = json_array()};
    validate(&check, schema, document, S("$"));
    return check.found;
}
