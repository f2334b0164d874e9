// Documents against schemas.
#pragma once

#include "json.h"

// What is wrong with `document`: a list of at most 20 objects with `path` and `message`; empty: nothing. `schema` is
// self-contained.
struct value validate_document(struct arena *arena, const struct value *schema, const struct value *document);
