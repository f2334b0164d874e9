// What services do that costs more than its author thinks: each function is called only where its fault is on (faults.h).
#pragma once

#include "text.h"

// FAULT_MALLOC: memory for every letter. Returns how many letters are capital.
size_t count_capitals(struct string body);
// FAULT_FRAGMENTATION: of an index little is kept, but some of every page, so that no page is given back.
void index_words(struct string body);
// FAULT_COPY_BUFFER: a large empty page is copied, to put little on it.
void lay_out(struct string body);
// FAULT_STRLEN: the length is counted anew for every letter. Returns how many words there are.
size_t count_words(struct string body);
// FAULT_READ_BYTES: a file is read byte by byte. Returns how much memory is in use, in kB.
long memory_in_use(void);
// FAULT_SPIN_LOCK: who waits for a turn keeps its processor busy.
void take_turn(void);
// FAULT_LEAK_LIST: a list that only grows.
void remember(struct string path, struct string body);
