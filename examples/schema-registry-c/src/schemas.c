#include "schemas.h"

#include <math.h>

#include "pattern.h"

const char *const types[TYPES] = {"null", "boolean", "integer", "number", "string", "array", "object"};

static bool is_type(const struct value *value) {
    return is_kind(value, JSON_STRING) && AMONG(value->string, types);
}

static bool is_type_or_types(const struct value *value) {
    for (size_t i = 0; value->kind == JSON_ARRAY && i < value->count; i++) {
        if (!is_type(&value->items[i])) {
            return false;
        }
    }
    return value->kind == JSON_ARRAY ? value->count > 0 : is_type(value);
}

static bool is_list_of_names(const struct value *value) {
    for (size_t i = 0; value->kind == JSON_ARRAY && i < value->count; i++) {
        if (value->items[i].kind != JSON_STRING) {
            return false;
        }
    }
    return value->kind == JSON_ARRAY;
}

static bool is_pattern_text(const struct value *value) {
    return value->kind == JSON_STRING && is_pattern(value->string);
}

static bool is_count(const struct value *value) {
    double number = json_double(value);
    return number >= 0 && number == trunc(number);
}

static bool is_filled_list(const struct value *value) {
    return value->kind == JSON_ARRAY && value->count > 0;
}

static bool is_array(const struct value *value) {
    return value->kind == JSON_ARRAY;
}

static bool is_object(const struct value *value) {
    return value->kind == JSON_OBJECT;
}

static bool is_text(const struct value *value) {
    return value->kind == JSON_STRING;
}

static bool is_number(const struct value *value) {
    return value->kind == JSON_NUMBER;
}

static bool is_truth(const struct value *value) {
    return value->kind == JSON_BOOL;
}

static const struct check {
    const char *keyword;
    bool (*is_right)(const struct value *);
    const char *what;
} checks[] = {
    {"type", is_type_or_types, "a type, or a list of types"},
    {"enum", is_array, "a list"},
    {"required", is_list_of_names, "a list of names"},
    {"pattern", is_pattern_text, "a pattern that is understood here"},
    {"format", is_text, "a string"},
    {"$ref", is_text, "a string"},
    {"uniqueItems", is_truth, "a boolean"},
    {"minLength", is_count, "a number of things"},
    {"maxLength", is_count, "a number of things"},
    {"minItems", is_count, "a number of things"},
    {"maxItems", is_count, "a number of things"},
    {"minProperties", is_count, "a number of things"},
    {"maxProperties", is_count, "a number of things"},
    {"minimum", is_number, "a number"},
    {"maximum", is_number, "a number"},
    {"exclusiveMinimum", is_number, "a number"},
    {"exclusiveMaximum", is_number, "a number"},
    {"multipleOf", is_number, "a number"},
    {"anyOf", is_filled_list, "a list of schemas"},
    {"oneOf", is_filled_list, "a list of schemas"},
    {"allOf", is_filled_list, "a list of schemas"},
    {"properties", is_object, "an object"},
    {"$defs", is_object, "an object"},
};
static const char *const schemas[] = {"items", "additionalProperties", "not", "if", "then", "else"};
static const char *const lists_of_schemas[] = {"anyOf", "oneOf", "allOf"};
static const char *const maps_of_schemas[] = {"properties", "$defs"};

static bool is_wrong(struct arena *arena, const struct value *value, struct string path, const char *what,
                     struct string *reason) {
    struct string given = to_json(arena, value);
    *reason = string_format(arena, "%.*s: %.*s is not %s", FORMAT(path), FORMAT(given), what);
    return false;
}

// What is below a keyword whose value has been checked itself.
static bool check_below(struct arena *arena, struct string word, const struct value *value, struct string path,
                        struct string *reason) {
    if (AMONG(word, schemas)) {
        return check_schema(arena, value, path, reason);
    }
    for (size_t i = 0; AMONG(word, lists_of_schemas) && i < value->count; i++) {
        struct string place = string_format(arena, "%.*s[%zu]", FORMAT(path), i);
        if (!check_schema(arena, &value->items[i], place, reason)) {
            return false;
        }
    }
    for (size_t i = 0; AMONG(word, maps_of_schemas) && i < value->count; i++) {
        struct string place = string_format(arena, "%.*s.%.*s", FORMAT(path), FORMAT(value->members[i].name));
        if (!check_schema(arena, &value->members[i].value, place, reason)) {
            return false;
        }
    }
    return true;
}

bool check_schema(struct arena *arena, const struct value *schema, struct string path, struct string *reason) {
    if (schema->kind != JSON_OBJECT) {
        return schema->kind == JSON_BOOL || is_wrong(arena, schema, path, "an object or a boolean", reason);
    }
    for (size_t i = 0; i < schema->count; i++) {
        struct string word = schema->members[i].name;
        const struct value *value = &schema->members[i].value;
        struct string place = string_format(arena, "%.*s.%.*s", FORMAT(path), FORMAT(word));
        for (size_t j = 0; j < sizeof checks / sizeof *checks; j++) {
            if (string_equal(word, string_of(checks[j].keyword)) && !checks[j].is_right(value)) {
                return is_wrong(arena, value, place, checks[j].what, reason);
            }
        }
        if (!check_below(arena, word, value, place, reason)) {
            return false;
        }
    }
    return true;
}
