#include "references.h"

#include <string.h>

enum { MAX_NODES = 100000 }; // a schema whose definitions double each other would fill the memory

// The definitions that a node is a part of, the innermost one first.
struct within {
    struct string name;
    const struct within *outer;
};

struct expansion {
    struct arena *arena;
    const struct value *definitions;
    int depth, nodes;
    struct string reason;
};

static bool expand_references(struct expansion *expansion, const struct value *node, const struct within *within,
                              struct value *expanded);

static bool refers_to(struct expansion *expansion, struct string reference, const struct within *within,
                      struct value *expanded) {
    struct string prefix = S("#/$defs/"), name = reference;
    if (name.length >= prefix.length && memcmp(name.data, prefix.data, prefix.length) == 0) {
        name = (struct string){name.data + prefix.length, name.length - prefix.length};
    }
    const struct value *definition = json_get(expansion->definitions, name);
    if (!definition) {
        expansion->reason = string_format(expansion->arena, "%.*s is not defined", FORMAT(reference));
        return false;
    }
    for (const struct within *outer = within; outer; outer = outer->outer) {
        if (string_equal(outer->name, name)) {
            expansion->reason = string_format(expansion->arena, "%.*s refers to itself", FORMAT(reference));
            return false;
        }
    }
    return expand_references(expansion, definition, &(struct within){name, within}, expanded);
}

static bool expand_items(struct expansion *expansion, const struct value *array, const struct within *within,
                         struct value *expanded) {
    *expanded = json_array();
    for (size_t i = 0; i < array->count; i++) {
        struct value item;
        if (!expand_references(expansion, &array->items[i], within, &item)) {
            return false;
        }
        array_add(expansion->arena, expanded, item);
    }
    return true;
}

static bool expand_members(struct expansion *expansion, const struct value *object, const struct within *within,
                           struct value *expanded) {
    *expanded = json_object();
    for (size_t i = 0; i < object->count; i++) {
        struct value member;
        if (!expand_references(expansion, &object->members[i].value, within, &member)) {
            return false;
        }
        object_add(expansion->arena, expanded, object->members[i].name, member);
    }
    return true;
}

static bool expand_references(struct expansion *expansion, const struct value *node, const struct within *within,
                              struct value *expanded) {
    if (++expansion->nodes > MAX_NODES || ++expansion->depth > MAX_DEPTH) {
        expansion->reason = S("too large or too deep with its references replaced");
        return false;
    }
    const struct value *reference = json_get(node, S("$ref"));
    bool done = true;
    if (is_kind(reference, JSON_STRING)) {
        done = refers_to(expansion, reference->string, within, expanded);
    } else if (node->kind == JSON_ARRAY) {
        done = expand_items(expansion, node, within, expanded);
    } else if (node->kind == JSON_OBJECT) {
        done = expand_members(expansion, node, within, expanded);
    } else {
        *expanded = *node;
    }
    expansion->depth--;
    return done;
}

bool self_contained(struct arena *arena, const struct value *schema, struct value *contained, struct string *reason) {
    struct expansion expansion = {.arena = arena, .definitions = json_get(schema, S("$defs"))};
    struct value body = *schema;
    if (expansion.definitions) {
        body = json_object();
        for (size_t i = 0; i < schema->count; i++) {
            if (!string_equal(schema->members[i].name, S("$defs"))) {
                object_add(arena, &body, schema->members[i].name, schema->members[i].value);
            }
        }
    }
    bool done = expand_references(&expansion, &body, NULL, contained);
    *reason = expansion.reason;
    return done;
}
