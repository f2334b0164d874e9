#include "store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "canonical.h"
#include "faults.h"
#include "references.h"

enum { HELD_NS = 1000000 }; // for how long the fault holds the lock after there is nothing more to do

// What is known of schemas. It owns nothing: all of it is in one arena.
struct registry {
    struct registered **schemas; // the place in here, from 1, is the id
    size_t count;
    struct registered **latest; // version of each subject, by name
    size_t subjects;
};

struct store {
    pthread_mutex_t lock;
    struct arena arena;
    struct registry registry;
    char *path;
};

// What is looked for, and what is found.
struct lookup {
    struct string subject, fingerprint;
    size_t id, version;
    struct registered *found;
};

typedef void locked_action(struct store *store, void *argument);

ONE_FUNCTION static void with_registry_lock(struct store *store, locked_action *action, void *argument) {
    pthread_mutex_lock(&store->lock);
    action(store, argument);
    if (fault_on(FAULT_LOCK)) {
        nanosleep(&(struct timespec){.tv_nsec = HELD_NS}, NULL);
    }
    pthread_mutex_unlock(&store->lock);
}

// Where the subject is among the latest, or would be.
static size_t place_of(const struct registry *registry, struct string subject) {
    size_t from = 0, to = registry->subjects;
    while (from < to) {
        size_t middle = (from + to) / 2;
        if (string_compare(registry->latest[middle]->subject, subject) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static struct registered *latest_of(const struct registry *registry, struct string subject) {
    size_t place = place_of(registry, subject);
    bool there = place < registry->subjects && string_equal(registry->latest[place]->subject, subject);
    return there ? registry->latest[place] : NULL;
}

// Room for one more: moved to twice the room whenever `count` is a power of two.
static struct registered **grown(struct arena *arena, struct registered **old, size_t count) {
    if (count & (count - 1)) {
        return old;
    }
    struct registered **larger = arena_allocate(arena, (count ? 2 * count : 1) * sizeof *larger);
    if (count) {
        memcpy(larger, old, count * sizeof *larger);
    }
    return larger;
}

static void set_latest(struct registry *registry, struct arena *arena, struct registered *registered) {
    size_t place = place_of(registry, registered->subject);
    if (!registered->previous) {
        registry->latest = grown(arena, registry->latest, registry->subjects);
        memmove(&registry->latest[place + 1], &registry->latest[place],
                (registry->subjects - place) * sizeof *registry->latest);
        registry->subjects++;
    }
    registry->latest[place] = registered;
}

// Adds what a line of the file describes, all in the arena; NULL if it describes nothing.
static struct registered *add_line(struct registry *registry, struct arena *arena, struct string line) {
    struct value entry, contained;
    struct string reason;
    if (!json_parse(arena, line, &entry)) {
        return NULL;
    }
    const struct value *subject = json_get(&entry, S("subject")), *schema = json_get(&entry, S("schema"));
    if (!is_kind(subject, JSON_STRING) || !schema || !self_contained(arena, schema, &contained, &reason)) {
        return NULL;
    }
    struct registered *added = arena_allocate(arena, sizeof *added);
    struct registered *previous = latest_of(registry, subject->string);
    *added = (struct registered){
        .id = registry->count + 1,
        .version = previous ? previous->version + 1 : 1,
        .subject = subject->string,
        .fingerprint = fingerprint(arena, &contained),
        .schema = *schema,
        .previous = previous,
        .registrations = 1,
    };
    registry->schemas = grown(arena, registry->schemas, registry->count);
    registry->schemas[registry->count++] = added;
    set_latest(registry, arena, added);
    return added;
}

// Adds the lines of a file until `is_wanted`, if given, says so of one: then that is returned, else NULL. `*line` is
// the number of a line that describes nothing, or 0.
static struct registered *read_lines(struct registry *registry, struct arena *arena, FILE *file, size_t *line,
                                     bool (*is_wanted)(const struct registered *, const struct lookup *),
                                     const struct lookup *lookup) {
    struct registered *wanted = NULL;
    char *text = NULL;
    size_t capacity = 0, number = 0;
    ssize_t length;
    *line = 0;
    while (!wanted && !*line && (length = getline(&text, &capacity, file)) >= 0) {
        number++;
        length -= length && text[length - 1] == '\n';
        struct registered *added = add_line(registry, arena, (struct string){text, (size_t)length});
        *line = added ? 0 : number;
        wanted = added && is_wanted && is_wanted(added, lookup) ? added : NULL;
    }
    free(text);
    return wanted;
}

struct store *store_open(const char *path) {
    struct store *store = allocate(sizeof *store);
    *store = (struct store){.path = strdup(path)};
    pthread_mutex_init(&store->lock, NULL);
    FILE *file = fopen(path, "r");
    size_t line = 0;
    bool readable = file || errno == ENOENT;
    if (file) {
        read_lines(&store->registry, &store->arena, file, &line, NULL, NULL);
        fclose(file);
    }
    if (!readable) {
        fprintf(stderr, "error: %s: %s\n", path, strerror(errno));
    } else if (line) {
        fprintf(stderr, "error: %s: line %zu: not an object with subject and schema\n", path, line);
    } else {
        return store;
    }
    store_close(store);
    return NULL;
}

void store_close(struct store *store) {
    arena_free(&store->arena);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}

// The fault: what a query without an index does. Reads the file until a schema is the wanted one.
ONE_FUNCTION static struct registered *search_file(struct store *store, struct arena *arena,
                                                   bool (*is_wanted)(const struct registered *, const struct lookup *),
                                                   const struct lookup *lookup) {
    struct registry read = {0};
    size_t line;
    FILE *file = fopen(store->path, "r");
    if (!file) {
        return NULL;
    }
    struct registered *found = read_lines(&read, arena, file, &line, is_wanted, lookup);
    fclose(file);
    return found;
}

static bool has_id(const struct registered *registered, const struct lookup *lookup) {
    return registered->id == lookup->id;
}

static void find_id(struct store *store, void *argument) {
    struct lookup *lookup = argument;
    bool there = lookup->id >= 1 && lookup->id <= store->registry.count;
    lookup->found = there ? store->registry.schemas[lookup->id - 1] : NULL;
}

const struct registered *store_by_id(struct store *store, struct arena *arena, size_t id) {
    struct lookup lookup = {.id = id};
    if (fault_on(FAULT_QUERY)) {
        return search_file(store, arena, has_id, &lookup);
    }
    with_registry_lock(store, find_id, &lookup);
    return lookup.found;
}

static bool has_version(const struct registered *registered, const struct lookup *lookup) {
    return registered->version == lookup->version && string_equal(registered->subject, lookup->subject);
}

static void find_version(struct store *store, void *argument) {
    struct lookup *lookup = argument;
    const struct registered *registered = latest_of(&store->registry, lookup->subject);
    while (registered && registered->version != lookup->version) {
        registered = registered->previous;
    }
    lookup->found = (struct registered *)registered;
}

const struct registered *store_by_version(struct store *store, struct arena *arena, struct string subject,
                                          size_t version) {
    struct lookup lookup = {.subject = subject, .version = version};
    if (fault_on(FAULT_QUERY)) {
        return search_file(store, arena, has_version, &lookup);
    }
    with_registry_lock(store, find_version, &lookup);
    return lookup.found;
}

static void find_latest(struct store *store, void *argument) {
    struct lookup *lookup = argument;
    lookup->found = latest_of(&store->registry, lookup->subject);
}

const struct registered *store_latest(struct store *store, struct string subject) {
    struct lookup lookup = {.subject = subject};
    with_registry_lock(store, find_latest, &lookup);
    return lookup.found;
}

static struct registered *known(const struct registry *registry, struct string subject, struct string fingerprint) {
    const struct registered *registered = latest_of(registry, subject);
    while (registered && !string_equal(registered->fingerprint, fingerprint)) {
        registered = registered->previous;
    }
    return (struct registered *)registered;
}

static void count_registration(struct store *store, void *argument) {
    struct lookup *lookup = argument;
    lookup->found = known(&store->registry, lookup->subject, lookup->fingerprint);
    if (lookup->found) {
        lookup->found->registrations++;
    }
}

const struct registered *store_register_again(struct store *store, struct string subject, struct string fingerprint) {
    struct lookup lookup = {.subject = subject, .fingerprint = fingerprint};
    with_registry_lock(store, count_registration, &lookup);
    return lookup.found;
}

// A line to be added to the file and the registry, and what it became.
struct addition {
    struct string subject, fingerprint, line;
    struct registered *added;
};

static void add(struct store *store, void *argument) {
    struct addition *addition = argument;
    addition->added = known(&store->registry, addition->subject, addition->fingerprint);
    FILE *file = addition->added ? NULL : fopen(store->path, "a");
    if (!file) {
        return;
    }
    bool written = fwrite(addition->line.data, 1, addition->line.length, file) == addition->line.length;
    written = fputc('\n', file) != EOF && written;
    if (fclose(file) == 0 && written) {
        addition->added = add_line(&store->registry, &store->arena, addition->line);
    }
}

const struct registered *store_add(struct store *store, struct arena *arena, struct string subject,
                                   struct string fingerprint, const struct value *schema) {
    struct value line = json_object();
    object_add(arena, &line, S("subject"), json_string(subject));
    object_add(arena, &line, S("schema"), *schema);
    struct addition addition = {.subject = subject, .fingerprint = fingerprint, .line = to_json(arena, &line)};
    with_registry_lock(store, add, &addition);
    return addition.added;
}

struct visit {
    void (*action)(const struct registered *latest, void *argument);
    void *argument;
};

static void visit_subjects(struct store *store, void *argument) {
    const struct visit *visit = argument;
    for (size_t i = 0; i < store->registry.subjects; i++) {
        visit->action(store->registry.latest[i], visit->argument);
    }
}

void store_subjects(struct store *store, void (*action)(const struct registered *latest, void *argument),
                    void *argument) {
    with_registry_lock(store, visit_subjects, &(struct visit){action, argument});
}
