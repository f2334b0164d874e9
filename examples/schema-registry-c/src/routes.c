#include "routes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "canonical.h"
#include "compatibility.h"
#include "defects.h"
#include "faults.h"
#include "references.h"
#include "schemas.h"
#include "utf8.h"
#include "validation.h"

enum { MOST_SEGMENTS = 5 };

// A request on its way to its answer: status and content.
struct call {
    struct service *service;
    struct arena *arena;
    const struct request *request;
    struct string segments[MOST_SEGMENTS];
    size_t count;
    int status;
    struct value content;
};

static void respond(struct call *call, int status, struct value content) {
    call->status = status;
    call->content = content;
}

static void add(struct call *call, struct value *object, const char *name, struct value member) {
    object_add(call->arena, object, string_of(name), member);
}

static struct value number(struct call *call, size_t of) {
    return json_number(call->arena, of);
}

static struct value problem(struct call *call, int status, struct string title) {
    struct value content = json_object();
    add(call, &content, "status", number(call, (size_t)status));
    add(call, &content, "title", json_string(title));
    return content;
}

static void refuse(struct call *call, int status, struct string title) {
    respond(call, status, problem(call, status, title));
}

static void bad_schema(struct call *call, struct string reason) {
    refuse(call, 400, string_format(call->arena, "not a schema: %.*s", FORMAT(reason)));
}

static bool json_from(struct call *call, struct value *value) {
    bool done = json_parse(call->arena, call->request->body, value);
    if (!done) {
        refuse(call, 400, S("the body is not JSON"));
    }
    return done;
}

static bool schema_from(struct call *call, struct value *schema) {
    if (!json_from(call, schema)) {
        return false;
    }
    if (schema->kind != JSON_OBJECT) {
        refuse(call, 400, S("a schema is a JSON object"));
    }
    return schema->kind == JSON_OBJECT;
}

static bool contained_in(struct call *call, const struct value *schema, struct value *contained) {
    struct string reason;
    bool done = self_contained(call->arena, schema, contained, &reason);
    if (!done) {
        bad_schema(call, reason);
    }
    return done;
}

static bool is_schema(struct call *call, const struct value *schema) {
    struct string reason;
    bool right = check_schema(call->arena, schema, S("$"), &reason);
    if (!right) {
        bad_schema(call, reason);
    }
    return right;
}

// The number that a segment of a path is; 0, which nothing has as its id or version, if it is none.
static size_t number_from(struct string text) {
    size_t of = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 9) {
            return 0;
        }
        of = of * 10 + (size_t)(text.data[i] - '0');
    }
    return of;
}

// What is sent of a schema, after a look at whether it is still what was registered.
static void describe(struct call *call, const struct registered *registered) {
    struct value schema, content = json_object();
    if (!registered) {
        refuse(call, 404, S("no such schema"));
        return;
    }
    if (!contained_in(call, &registered->schema, &schema)) {
        return;
    }
    if (!string_equal(fingerprint(call->arena, &schema), registered->fingerprint)) {
        const char *format = "schema %zu is damaged: it does not have its fingerprint";
        refuse(call, 500, string_format(call->arena, format, registered->id));
        return;
    }
    add(call, &content, "id", number(call, registered->id));
    add(call, &content, "subject", json_string(registered->subject));
    add(call, &content, "version", number(call, registered->version));
    add(call, &content, "fingerprint", json_string(registered->fingerprint));
    add(call, &content, "schema", schema);
    respond(call, 200, content);
}

static void count_subject(const struct registered *latest, void *count) {
    (void)latest;
    ++*(size_t *)count;
}

static void health(struct call *call) {
    size_t count = 0;
    struct value content = json_object();
    store_subjects(call->service->store, count_subject, &count);
    add(call, &content, "status", json_string(S("ok")));
    add(call, &content, "subjects", number(call, count));
    respond(call, 200, content);
}

static void list_subject(const struct registered *latest, void *argument) {
    struct call *call = argument;
    struct value subject = json_object();
    add(call, &subject, "subject", json_string(latest->subject));
    add(call, &subject, "version", number(call, latest->version));
    add(call, &subject, "id", number(call, latest->id));
    array_add(call->arena, &call->content, subject);
}

static void subjects(struct call *call) {
    respond(call, 200, json_array());
    store_subjects(call->service->store, list_subject, call);
}

static void recent(struct call *call) {
    respond(call, 200, recent_requests(call->service->log, call->arena));
}

static void get_by_id(struct call *call) {
    describe(call, store_by_id(call->service->store, call->arena, number_from(call->segments[1])));
}

static void get_by_version(struct call *call) {
    struct string subject = call->segments[1], version = call->segments[3];
    if (string_equal(version, S("latest"))) {
        describe(call, store_latest(call->service->store, subject));
        return;
    }
    size_t wanted = number_from(version);
    if (!wanted && !string_equal(version, S("0"))) {
        refuse(call, 400, S("a version is a number or latest"));
        return;
    }
    describe(call, store_by_version(call->service->store, call->arena, subject, wanted));
}

// Fills in the list of problems; false if there is already an answer.
static bool against_latest(struct call *call, const struct value *new, struct value *problems) {
    const struct registered *latest = store_latest(call->service->store, call->segments[1]);
    struct value old;
    *problems = json_array();
    if (!latest) {
        return true;
    }
    if (!contained_in(call, &latest->schema, &old)) {
        return false;
    }
    incompatibilities(call->arena, &old, new, S("$"), problems);
    return true;
}

static void registered_as(struct call *call, int status, const struct registered *registered) {
    struct value content = json_object();
    add(call, &content, "id", number(call, registered->id));
    add(call, &content, "version", number(call, registered->version));
    respond(call, status, content);
}

// 201 for a new version, 200 for a schema that is known, 409 for one that old documents do not fit.
static void register_schema(struct call *call) {
    struct store *store = call->service->store;
    struct string subject = call->segments[1];
    struct value schema, contained, problems;
    if (!schema_from(call, &schema) || !contained_in(call, &schema, &contained)) {
        return;
    }
    struct string digest = fingerprint(call->arena, &contained);
    const struct registered *known = store_register_again(store, subject, digest);
    if (known) {
        registered_as(call, 200, known);
        return;
    }
    if (!is_schema(call, &schema) || !against_latest(call, &contained, &problems)) {
        return;
    }
    if (problems.count) {
        struct value content = problem(call, 409, S("not backward compatible"));
        add(call, &content, "problems", problems);
        respond(call, 409, content);
        return;
    }
    const struct registered *added = store_add(store, call->arena, subject, digest, &schema);
    if (added) {
        registered_as(call, 201, added);
    } else {
        refuse(call, 500, S("the schema could not be written"));
    }
}

static void validate(struct call *call) {
    struct value document, contained, content = json_object();
    if (!json_from(call, &document)) {
        return;
    }
    const struct registered *schema =
        store_by_id(call->service->store, call->arena, number_from(call->segments[1]));
    if (!schema) {
        refuse(call, 404, S("no such schema"));
        return;
    }
    if (!contained_in(call, &schema->schema, &contained)) {
        return;
    }
    struct value errors = validate_document(call->arena, &contained, &document);
    add(call, &content, "id", number(call, schema->id));
    add(call, &content, "valid", json_bool(errors.count == 0));
    add(call, &content, "errors", errors);
    respond(call, 200, content);
}

static void check_compatibility(struct call *call) {
    struct value schema, contained, problems, content = json_object();
    if (!schema_from(call, &schema) || !is_schema(call, &schema) || !contained_in(call, &schema, &contained)) {
        return;
    }
    if (!store_latest(call->service->store, call->segments[1])) {
        refuse(call, 404, S("no such schema"));
        return;
    }
    if (!against_latest(call, &contained, &problems)) {
        return;
    }
    add(call, &content, "subject", json_string(call->segments[1]));
    add(call, &content, "compatible", json_bool(problems.count == 0));
    add(call, &content, "problems", problems);
    respond(call, 200, content);
}

// The paths, with * for a segment that varies.
static const struct route {
    const char *method, *segments[MOST_SEGMENTS];
    void (*handler)(struct call *);
} routes[] = {
    {"GET", {"health"}, health},
    {"GET", {"subjects"}, subjects},
    {"GET", {"requests", "recent"}, recent},
    {"GET", {"schemas", "*"}, get_by_id},
    {"GET", {"subjects", "*", "versions", "*"}, get_by_version},
    {"POST", {"schemas", "*"}, register_schema},
    {"POST", {"validate", "*"}, validate},
    {"POST", {"compatibility", "*"}, check_compatibility},
};

static bool is_on(const struct call *call, const struct route *route) {
    for (size_t i = 0; i < MOST_SEGMENTS; i++) {
        const char *wanted = route->segments[i];
        if (!wanted || i >= call->count) {
            return !wanted && i == call->count;
        }
        if (strcmp(wanted, "*") != 0 && !string_equal(call->segments[i], string_of(wanted))) {
            return false;
        }
    }
    return true;
}

static void dispatch(struct call *call) {
    bool known = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (is_on(call, &routes[i])) {
            known = true;
            if (string_equal(call->request->method, string_of(routes[i].method))) {
                routes[i].handler(call);
                return;
            }
        }
    }
    refuse(call, known ? 405 : 404, known ? S("Method Not Allowed") : S("Not Found"));
}

// `text` with what % encodes; false if that is not UTF-8 or no encoding.
static bool percent_decoded(struct arena *arena, struct string text, struct string *decoded) {
    char *out = arena_allocate(arena, text.length);
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char digits[3] = {0}, *end = digits;
        if (text.data[i] == '%' && text.length - i > 2) {
            memcpy(digits, text.data + i + 1, 2);
            out[length++] = (char)strtoul(digits, &end, 16);
            i += 2;
        } else {
            out[length++] = text.data[i];
        }
        if (text.data[i] == '%' || (*digits && end != digits + 2)) {
            return false;
        }
    }
    *decoded = (struct string){out, length};
    return utf8_valid(*decoded);
}

static bool split_path(struct call *call) {
    struct string rest = call->request->path;
    while (rest.length && *rest.data == '/' && call->count < MOST_SEGMENTS) {
        rest = (struct string){rest.data + 1, rest.length - 1};
        const char *slash = memchr(rest.data, '/', rest.length);
        struct string segment = {rest.data, slash ? (size_t)(slash - rest.data) : rest.length};
        if (!percent_decoded(call->arena, segment, &call->segments[call->count++])) {
            return false;
        }
        rest = (struct string){rest.data + segment.length, rest.length - segment.length};
    }
    return !rest.length;
}

// Compares all letters whatever the first ones say, so that the time tells nothing.
static bool is_same_key(struct string given, struct string key) {
    unsigned char differences = given.length != key.length;
    for (size_t i = 0; i < given.length && i < key.length; i++) {
        differences |= (unsigned char)(given.data[i] ^ key.data[i]);
    }
    return !differences;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void answer(void *context, const struct request *request, struct arena *arena, struct response *response) {
    struct service *service = context;
    struct call call = {.service = service, .arena = arena, .request = request};
    double started = seconds_now();
    if (!is_same_key(request_header(request, "X-API-Key"), string_of(service->key))) {
        refuse(&call, 401, S("X-API-Key is missing or wrong"));
    } else if (!split_path(&call)) {
        refuse(&call, 404, S("Not Found"));
    } else {
        dispatch(&call);
    }
    response->status = call.status;
    write_json(&call.content, &response->body);
    make_request_id(response->id);
    struct string body = text_string(&response->body);
    if (fault_on(FAULT_MALLOC)) {
        count_capitals(body);
    }
    if (fault_on(FAULT_FRAGMENTATION)) {
        index_words(body);
    }
    if (fault_on(FAULT_COPY_BUFFER)) {
        lay_out(body);
    }
    if (fault_on(FAULT_STRLEN)) {
        count_words(body);
    }
    if (fault_on(FAULT_READ_BYTES)) {
        memory_in_use();
    }
    if (fault_on(FAULT_SPIN_LOCK)) {
        take_turn();
    }
    if (fault_on(FAULT_LEAK_LIST)) {
        remember(request->path, body);
    }
    record_request(service->log, request, response, seconds_now() - started);
}
