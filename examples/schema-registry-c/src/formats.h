// The values of `format` that are checked.
#pragma once

#include "text.h"

// Whether `text` is a `format`; of a format that is not known here, everything is.
bool is_of_format(struct string text, struct string format);
