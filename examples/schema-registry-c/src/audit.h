// The last requests, for whoever operates the service: GET /requests/recent.
#pragma once

#include "http.h"
#include "json.h"

struct request_log;

struct request_log *request_log_open(void);
void request_log_close(struct request_log *log);
void record_request(struct request_log *log, const struct request *request, const struct response *response,
                    double seconds);
// The oldest one first.
struct value recent_requests(struct request_log *log, struct arena *arena);
// Writes 32 hexadecimal digits and a NUL.
void make_request_id(char id[33]);
