// When two schemas are the same: if they accept the same documents, whatever order and words they were written in.
#pragma once

#include "json.h"

// What the names of an object's members are.
enum names { KEYWORDS, PROPERTIES };

// Writes a self-contained schema as JSON with its keys in order, without annotations, and with lists that are sets
// sorted.
void canonicalise(struct arena *arena, const struct value *node, enum names names, struct text *out);
// Equal for schemas that are the same.
struct string fingerprint(struct arena *arena, const struct value *schema);
