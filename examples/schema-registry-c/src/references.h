// Schemas as clients want them: self-contained, without a resolver.
#pragma once

#include "json.h"

// `schema` without `$defs`, and with what each reference refers to in its place. False if a reference cannot be
// replaced; `reason` says which one, and why.
bool self_contained(struct arena *arena, const struct value *schema, struct value *contained, struct string *reason);
