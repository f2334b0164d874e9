// What is a JSON schema, as far as this registry knows its keywords; others are kept and not looked at.
#pragma once

#include "json.h"

enum { TYPES = 7 };
extern const char *const types[TYPES];

// False if `schema` is none; `reason` says where and why.
bool check_schema(struct arena *arena, const struct value *schema, struct string path, struct string *reason);
