// UTF-8 (RFC 3629).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

bool utf8_valid(struct string string);
// How many code points are in a valid string.
size_t utf8_count(struct string string);
// The code point at `*at`, and `*at` after it. The string is valid.
uint32_t utf8_next(struct string string, size_t *at);
// Writes a code point into `bytes` (at least four), and returns how many bytes it takes.
size_t utf8_write(uint32_t point, char *bytes);
