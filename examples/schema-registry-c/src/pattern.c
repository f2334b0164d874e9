#include "pattern.h"

#include <stdint.h>
#include <string.h>

#include "utf8.h"

enum { MAX_REPEAT = 1000 }; // more would only make matching slow

// A pattern, and how much of it has been read.
struct reader {
    struct string text;
    size_t at;
};

// One atom with its repetition. Patterns are short: they are read anew while they are matched.
struct piece {
    enum { LETTER, ANY, START, END, CLASS } kind;
    uint32_t letter;      // also of an escape: 'd', 'w' or 's' with `escaped`
    bool escaped, negated;
    struct string ranges; // of a class, without its brackets
    size_t least, most;
};

static int peek(const struct reader *reader) {
    return reader->at < reader->text.length ? (unsigned char)reader->text.data[reader->at] : -1;
}

static bool is_set(uint32_t letter) {
    return letter == 'd' || letter == 'w' || letter == 's';
}

static bool is_alphanumeric(uint32_t letter) {
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

static bool in_set(uint32_t letter, uint32_t set) {
    switch (set) {
    case 'd':
        return letter >= '0' && letter <= '9';
    case 'w':
        return is_alphanumeric(letter) || letter == '_';
    default:
        return letter == ' ' || (letter >= '\t' && letter <= '\r');
    }
}

static bool read_escape(struct reader *reader, uint32_t *letter) {
    if (peek(reader) < 0) {
        return false;
    }
    *letter = utf8_next(reader->text, &reader->at);
    return is_set(*letter) || !is_alphanumeric(*letter);
}

// The next range of a class; a set such as \d is one with `*set`.
static bool read_range(struct reader *reader, uint32_t *from, uint32_t *to, bool *set) {
    bool escaped = peek(reader) == '\\';
    *from = utf8_next(reader->text, &reader->at);
    if (escaped && !read_escape(reader, from)) {
        return false;
    }
    *to = *from;
    *set = escaped && is_set(*from);
    if (escaped || peek(reader) != '-' || reader->at + 1 >= reader->text.length) {
        return true;
    }
    reader->at++;
    *to = utf8_next(reader->text, &reader->at);
    return *to != '\\' && *to >= *from;
}

static bool read_class(struct reader *reader, struct piece *piece) {
    piece->kind = CLASS;
    piece->negated = peek(reader) == '^';
    size_t start = reader->at += piece->negated;
    while (peek(reader) >= 0 && peek(reader) != ']') {
        reader->at += peek(reader) == '\\' ? 2 : 1;
    }
    if (peek(reader) < 0 || reader->at == start) {
        return false;
    }
    piece->ranges = (struct string){reader->text.data + start, reader->at++ - start};
    struct reader ranges = {.text = piece->ranges};
    while (peek(&ranges) >= 0) {
        uint32_t from, to;
        bool set;
        if (!read_range(&ranges, &from, &to, &set)) {
            return false;
        }
    }
    return true;
}

static bool read_number(struct reader *reader, size_t *number) {
    size_t start = reader->at;
    for (*number = 0; peek(reader) >= '0' && peek(reader) <= '9' && *number <= MAX_REPEAT; reader->at++) {
        *number = *number * 10 + (size_t)(peek(reader) - '0');
    }
    return reader->at > start && *number <= MAX_REPEAT;
}

static bool read_counts(struct reader *reader, struct piece *piece) {
    if (!read_number(reader, &piece->least)) {
        return false;
    }
    piece->most = piece->least;
    if (peek(reader) == ',') {
        reader->at++;
        piece->most = SIZE_MAX;
        if (peek(reader) != '}' && !read_number(reader, &piece->most)) {
            return false;
        }
    }
    return peek(reader) == '}' && ++reader->at && piece->least <= piece->most;
}

static bool read_repeat(struct reader *reader, struct piece *piece) {
    int sign = peek(reader);
    piece->least = piece->most = 1;
    if (piece->kind == START || piece->kind == END || sign < 0 || !strchr("*+?{", sign)) {
        return true;
    }
    reader->at++;
    if (sign == '{') {
        return read_counts(reader, piece);
    }
    piece->least = sign == '+';
    piece->most = sign == '?' ? 1 : SIZE_MAX;
    return true;
}

static bool read_piece(struct reader *reader, struct piece *piece) {
    *piece = (struct piece){.kind = LETTER, .letter = utf8_next(reader->text, &reader->at)};
    switch (piece->letter) {
    case '^':
        piece->kind = START;
        break;
    case '$':
        piece->kind = END;
        break;
    case '.':
        piece->kind = ANY;
        break;
    case '[':
        if (!read_class(reader, piece)) {
            return false;
        }
        break;
    case '\\':
        piece->escaped = true;
        if (!read_escape(reader, &piece->letter)) {
            return false;
        }
        break;
    default:
        if (piece->letter < 0x80 && strchr("()|*+?{}]", (int)piece->letter)) {
            return false;
        }
    }
    return read_repeat(reader, piece);
}

bool is_pattern(struct string pattern) {
    struct reader reader = {.text = pattern};
    struct piece piece;
    while (peek(&reader) >= 0) {
        if (!read_piece(&reader, &piece)) {
            return false;
        }
    }
    return true;
}

static bool accepts(const struct piece *piece, uint32_t letter) {
    struct reader ranges = {.text = piece->ranges};
    bool found = false;
    switch (piece->kind) {
    case LETTER:
        return piece->escaped && is_set(piece->letter) ? in_set(letter, piece->letter) : letter == piece->letter;
    case ANY:
        return letter != '\n';
    case CLASS:
        while (!found && peek(&ranges) >= 0) {
            uint32_t from, to;
            bool set;
            read_range(&ranges, &from, &to, &set);
            found = set ? in_set(letter, from) : letter >= from && letter <= to;
        }
        return found != piece->negated;
    default:
        return false;
    }
}

static bool matches_at(struct reader pattern, struct string text, size_t at) {
    struct piece piece;
    if (peek(&pattern) < 0) {
        return true;
    }
    read_piece(&pattern, &piece);
    if (piece.kind == START || piece.kind == END) {
        return at == (piece.kind == START ? 0 : text.length) && matches_at(pattern, text, at);
    }
    // as few as must be, then one more after the other: whether there is a match does not depend on greed
    for (size_t count = 0;; count++) {
        if (count >= piece.least && matches_at(pattern, text, at)) {
            return true;
        }
        if (count == piece.most || at == text.length || !accepts(&piece, utf8_next(text, &at))) {
            return false;
        }
    }
}

bool pattern_matches(struct string pattern, struct string text) {
    struct reader reader = {.text = pattern};
    for (size_t from = 0;; utf8_next(text, &from)) {
        if (matches_at(reader, text, from)) {
            return true;
        }
        if (from == text.length) {
            return false;
        }
    }
}
