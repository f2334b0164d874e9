// The regular expressions that schemas of records need: letters, `.`, `[classes]`, \d, \w, \s, ^, $, and
// * + ? {m} {m,} {m,n}. No groups and no alternatives; a schema with those is refused.
#pragma once

#include "text.h"

bool is_pattern(struct string pattern);
// Whether `pattern` is found anywhere in `text`, which is valid UTF-8 as the pattern is.
bool pattern_matches(struct string pattern, struct string text);
