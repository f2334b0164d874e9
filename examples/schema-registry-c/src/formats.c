#include "formats.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

// Whether text has a digit for each 0, a hexadecimal digit for each x, and each other letter where `shape` has it.
static bool has_shape(struct string text, const char *shape) {
    if (text.length != strlen(shape)) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned char letter = (unsigned char)text.data[i];
        bool right = shape[i] == '0' ? isdigit(letter) : shape[i] == 'x' ? isxdigit(letter) : letter == shape[i];
        if (!right) {
            return false;
        }
    }
    return true;
}

static bool is_date(struct string text) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    char copy[11];
    if (!has_shape(text, "0000-00-00")) {
        return false;
    }
    snprintf(copy, sizeof copy, "%.*s", FORMAT(text));
    sscanf(copy, "%d-%d-%d", &year, &month, &day);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static bool is_address(struct string text, int family) {
    char copy[INET6_ADDRSTRLEN], address[sizeof(struct in6_addr)];
    if (text.length >= sizeof copy || memchr(text.data, 0, text.length)) {
        return false;
    }
    snprintf(copy, sizeof copy, "%.*s", FORMAT(text));
    return inet_pton(family, copy, address) == 1;
}

bool is_of_format(struct string text, struct string format) {
    if (string_equal(format, S("date"))) {
        return is_date(text);
    }
    if (string_equal(format, S("email"))) {
        return text.length && memchr(text.data, '@', text.length);
    }
    if (string_equal(format, S("ipv4"))) {
        return is_address(text, AF_INET);
    }
    if (string_equal(format, S("ipv6"))) {
        return is_address(text, AF_INET6);
    }
    return !string_equal(format, S("uuid")) || has_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}
