// Schemas in memory, and in a file from which the next start reads them: a JSON object with `subject` and `schema` a
// line.
#pragma once

#include "json.h"

// A schema that the registry knows. It never changes.
struct registered {
    size_t id, version;
    struct string subject, fingerprint;
    struct value schema;
    const struct registered *previous; // version of the subject
    size_t registrations;              // under the lock
};

struct store;

// The registry that the file describes; empty if there is no such file. NULL, with a message, if it cannot be read.
struct store *store_open(const char *path);
void store_close(struct store *store);

// These give NULL if there is no such schema. What they give lives as long as the store, or as `arena`.
const struct registered *store_by_id(struct store *store, struct arena *arena, size_t id);
const struct registered *store_by_version(struct store *store, struct arena *arena, struct string subject,
                                          size_t version);
const struct registered *store_latest(struct store *store, struct string subject);
// The schema of that fingerprint, with one more registration counted.
const struct registered *store_register_again(struct store *store, struct string subject, struct string fingerprint);
// Keeps `schema` as the next version of `subject`, here and in the file, if nobody else has meanwhile; NULL if it
// cannot be written.
const struct registered *store_add(struct store *store, struct arena *arena, struct string subject,
                                   struct string fingerprint, const struct value *schema);
// Calls `action` with the latest version of every subject, by name.
void store_subjects(struct store *store, void (*action)(const struct registered *latest, void *argument),
                    void *argument);
