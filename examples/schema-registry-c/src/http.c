#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// So much of a body that is too large is still read, so that the client gets to read why it is refused.
enum { LARGEST_HEAD = 16 * 1024, MOST_DISCARDED = 16 * 1024 * 1024, IDLE_SECONDS = 120 };

struct worker {
    pthread_t thread;
    struct server *server;
    int connection; // -1: none; under the server's lock
};

struct server {
    int listener, threads;
    answer_function *answer;
    void *context;
    atomic_bool stopping;
    pthread_mutex_t lock;
    struct worker workers[];
};

// A connection, and what of it has been read and not yet used.
struct connection {
    int socket;
    size_t used;
    char buffer[LARGEST_HEAD];
};

struct string request_header(const struct request *request, const char *name) {
    for (size_t i = 0; i < request->header_count; i++) {
        if (string_equal_any_case(request->headers[i].name, string_of(name))) {
            return request->headers[i].value;
        }
    }
    return S("");
}

// Reads at least one byte; false at the end of the stream.
static bool receive(int socket, char *data, size_t size, size_t *received) {
    ssize_t count;
    do {
        count = recv(socket, data, size, 0);
    } while (count < 0 && errno == EINTR);
    *received = count > 0 ? (size_t)count : 0;
    return count > 0;
}

static bool send_all(int socket, struct string data) {
    while (data.length) {
        ssize_t count = send(socket, data.data, data.length, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        size_t sent = count > 0 ? (size_t)count : 0;
        data = (struct string){data.data + sent, data.length - sent};
    }
    return true;
}

static const char *reason(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Internal Server Error";
    }
}

static bool send_response(int socket, const struct response *response, bool stay) {
    struct text out = {0};
    text_format(&out, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n", response->status,
                reason(response->status), response->body.length);
    if (*response->id) {
        text_format(&out, "X-Request-ID: %s\r\n", response->id);
    }
    text_add(&out, stay ? S("\r\n") : S("Connection: close\r\n\r\n"));
    text_add(&out, text_string(&response->body));
    bool sent = send_all(socket, text_string(&out));
    text_free(&out);
    return sent;
}

// Sends why the request is not answered; false, as the connection ends with that.
static bool refuse(struct connection *connection, int status, const char *title) {
    struct response response = {.status = status};
    text_format(&response.body, "{\"status\":%d,\"title\":\"%s\"}", status, title);
    send_response(connection->socket, &response, false);
    text_free(&response.body);
    return false;
}

// Reads until there is a whole head in the buffer; its size with the empty line, or 0 at the end of the stream.
static size_t read_head(struct connection *connection) {
    for (;;) {
        char *end = memmem(connection->buffer, connection->used, "\r\n\r\n", 4);
        if (end) {
            return (size_t)(end - connection->buffer) + 4;
        }
        size_t room = sizeof connection->buffer - connection->used, received;
        if (!room) {
            refuse(connection, 431, "the headers are too long");
            return 0;
        }
        if (!receive(connection->socket, connection->buffer + connection->used, room, &received)) {
            return 0;
        }
        connection->used += received;
    }
}

// What comes before `separator`, which is cut off `rest` too.
static struct string cut(struct string *rest, const char *separator) {
    size_t length = strlen(separator);
    char *at = memmem(rest->data, rest->length, separator, length);
    struct string first = at ? (struct string){rest->data, (size_t)(at - rest->data)} : *rest;
    size_t gone = at ? first.length + length : rest->length;
    *rest = (struct string){rest->data + gone, rest->length - gone};
    return first;
}

static struct string trimmed(struct string text) {
    while (text.length && (*text.data == ' ' || *text.data == '\t')) {
        text = (struct string){text.data + 1, text.length - 1};
    }
    while (text.length && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

// `head` has no empty line at its end; what is taken from it stays in it.
static bool parse_head(struct string head, struct request *request) {
    struct string line = cut(&head, "\r\n");
    request->method = cut(&line, " ");
    struct string target = cut(&line, " ");
    request->path = cut(&target, "?");
    if (!string_equal(line, S("HTTP/1.1")) && !string_equal(line, S("HTTP/1.0"))) {
        return false;
    }
    while (head.length) {
        struct string value = cut(&head, "\r\n");
        bool has_colon = memchr(value.data, ':', value.length);
        if (!has_colon || request->header_count == MOST_HEADERS) {
            return false;
        }
        struct string name = cut(&value, ":");
        request->headers[request->header_count++] = (struct header){name, trimmed(value)};
    }
    return true;
}

static bool parse_length(struct string text, size_t *length) {
    *length = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 15) {
            return false;
        }
        *length = *length * 10 + (size_t)(text.data[i] - '0');
    }
    return true;
}

static void discard(struct connection *connection, size_t left) {
    size_t received;
    while (left && receive(connection->socket, connection->buffer, sizeof connection->buffer, &received)) {
        left -= received < left ? received : left;
    }
}

// The body: what of it came with the head, and the rest from the socket.
static bool read_body(struct connection *connection, struct arena *arena, size_t length, struct string *body) {
    char *data = arena_allocate(arena, length);
    size_t have = connection->used < length ? connection->used : length;
    memcpy(data, connection->buffer, have);
    connection->used -= have;
    memmove(connection->buffer, connection->buffer + have, connection->used);
    while (have < length) {
        size_t received;
        if (!receive(connection->socket, data + have, length - have, &received)) {
            return false;
        }
        have += received;
    }
    *body = (struct string){data, length};
    return true;
}

// False at the end of the stream, or if there is nothing to answer any more.
static bool read_request(struct connection *connection, struct arena *arena, struct request *request) {
    size_t length, size = read_head(connection);
    if (!size) {
        return false;
    }
    struct string head = string_copy(arena, (struct string){connection->buffer, size - 4});
    connection->used -= size;
    memmove(connection->buffer, connection->buffer + size, connection->used);
    if (!parse_head(head, request)) {
        return refuse(connection, 400, "not an HTTP/1.1 request");
    }
    if (request_header(request, "Transfer-Encoding").length) {
        return refuse(connection, 411, "a body needs its Content-Length");
    }
    if (!parse_length(request_header(request, "Content-Length"), &length)) {
        return refuse(connection, 400, "the Content-Length is no number");
    }
    if (string_equal_any_case(request_header(request, "Expect"), S("100-continue"))) {
        send_all(connection->socket, S("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    if (length > LARGEST_BODY) {
        discard(connection, (length < MOST_DISCARDED ? length : MOST_DISCARDED) - connection->used);
        return refuse(connection, 413, "more than 262144 bytes");
    }
    return read_body(connection, arena, length, &request->body);
}

static void serve(struct server *server, int socket) {
    struct timeval idle = {.tv_sec = IDLE_SECONDS};
    struct connection *connection = allocate(sizeof *connection);
    struct arena arena = {0};
    bool stay = true;
    connection->socket = socket;
    connection->used = 0;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
    while (stay) {
        struct request request = {0};
        struct response response = {0};
        if (!read_request(connection, &arena, &request)) {
            break;
        }
        server->answer(server->context, &request, &arena, &response);
        stay = !string_equal_any_case(request_header(&request, "Connection"), S("close")) && !server->stopping;
        stay = send_response(socket, &response, stay) && stay;
        text_free(&response.body);
        arena_reset(&arena);
    }
    arena_free(&arena);
    free(connection);
}

static void set_connection(struct worker *worker, int connection) {
    pthread_mutex_lock(&worker->server->lock);
    worker->connection = connection;
    pthread_mutex_unlock(&worker->server->lock);
}

static void *take_connections(void *argument) {
    struct worker *worker = argument;
    struct server *server = worker->server;
    while (!server->stopping) {
        int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) {
            continue;
        }
        set_connection(worker, connection);
        if (!server->stopping) {
            serve(server, connection);
        }
        set_connection(worker, -1);
        close(connection);
    }
    return NULL;
}

static int listen_on(uint16_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, SOMAXCONN)) {
        close(listener);
        return -1;
    }
    getsockname(listener, (struct sockaddr *)&address, &size);
    *port = ntohs(address.sin_port);
    return listener;
}

struct server *server_start(uint16_t *port, int threads, answer_function *answer, void *context) {
    int listener = listen_on(port);
    if (listener < 0) {
        return NULL;
    }
    struct server *server = allocate(sizeof *server + (size_t)threads * sizeof *server->workers);
    server->listener = listener;
    server->threads = threads;
    server->answer = answer;
    server->context = context;
    atomic_init(&server->stopping, false);
    pthread_mutex_init(&server->lock, NULL);
    for (int i = 0; i < threads; i++) {
        struct worker *worker = &server->workers[i];
        worker->server = server;
        worker->connection = -1;
        if (pthread_create(&worker->thread, NULL, take_connections, worker)) {
            server->threads = i;
            break;
        }
    }
    return server;
}

void server_stop(struct server *server) {
    server->stopping = true;
    shutdown(server->listener, SHUT_RDWR); // wakes the threads that wait for a connection
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < server->threads; i++) {
        if (server->workers[i].connection >= 0) {
            shutdown(server->workers[i].connection, SHUT_RD);
        }
    }
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->threads; i++) {
        pthread_join(server->workers[i].thread, NULL);
    }
    close(server->listener);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
