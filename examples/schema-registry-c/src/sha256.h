// SHA-256 (FIPS 180-4).
#pragma once

#include "text.h"

// The digest in hexadecimal, in the arena.
struct string sha256(struct arena *arena, struct string data);
