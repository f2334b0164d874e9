// Backward compatibility: whoever reads with the new schema can read everything that was written with the old one.
#pragma once

#include "json.h"

// Adds one sentence to the list `problems` for each thing that `old` accepts at `path` and `new` may not. Both are
// self-contained. What cannot be compared keyword by keyword (anyOf, not, …) must stay as it is.
void incompatibilities(struct arena *arena, const struct value *old, const struct value *new, struct string path,
                       struct value *problems);
