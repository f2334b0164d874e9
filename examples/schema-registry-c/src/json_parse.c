// JSON text to a value.
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "utf8.h"

struct parser {
    struct arena *arena;
    struct string text;
    size_t at;
    int depth;
};

static bool parse_value(struct parser *parser, struct value *value);

// The next byte, or -1 at the end.
static int peek(const struct parser *parser) {
    return parser->at < parser->text.length ? (unsigned char)parser->text.data[parser->at] : -1;
}

static void skip_space(struct parser *parser) {
    while (peek(parser) == ' ' || peek(parser) == '\n' || peek(parser) == '\r' || peek(parser) == '\t') {
        parser->at++;
    }
}

// Steps over `word` if it comes next.
static bool takes(struct parser *parser, struct string word) {
    bool there = parser->text.length - parser->at >= word.length &&
                 memcmp(parser->text.data + parser->at, word.data, word.length) == 0;
    parser->at += there ? word.length : 0;
    return there;
}

static bool digits(struct parser *parser) {
    size_t start = parser->at;
    while (peek(parser) >= '0' && peek(parser) <= '9') {
        parser->at++;
    }
    return parser->at > start;
}

static bool parse_number(struct parser *parser, struct value *value) {
    size_t start = parser->at;
    takes(parser, S("-"));
    if (!takes(parser, S("0")) && !digits(parser)) {
        return false;
    }
    if (takes(parser, S(".")) && !digits(parser)) {
        return false;
    }
    if (takes(parser, S("e")) || takes(parser, S("E"))) {
        bool sign = takes(parser, S("+")) || takes(parser, S("-"));
        (void)sign;
        if (!digits(parser)) {
            return false;
        }
    }
    struct string number = {parser->text.data + start, parser->at - start};
    *value = (struct value){.kind = JSON_NUMBER, .string = string_copy(parser->arena, number)};
    return true;
}

static bool hexadecimal(struct parser *parser, uint32_t *number) {
    char four[5] = {0};
    if (parser->text.length - parser->at < 4) {
        return false;
    }
    memcpy(four, parser->text.data + parser->at, 4);
    parser->at += 4;
    *number = (uint32_t)strtoul(four, NULL, 16);
    return strspn(four, "0123456789abcdefABCDEF") == 4;
}

// What follows \u: four digits, or a pair of surrogates; half a pair becomes U+FFFD.
static bool unicode(struct parser *parser, uint32_t *point) {
    if (!hexadecimal(parser, point)) {
        return false;
    }
    if (*point < 0xd800 || *point >= 0xe000) {
        return true;
    }
    size_t after = parser->at;
    uint32_t second = 0;
    if (*point < 0xdc00 && takes(parser, S("\\u"))) {
        if (!hexadecimal(parser, &second)) {
            return false;
        }
        if (second >= 0xdc00 && second < 0xe000) {
            *point = 0x10000 + ((*point - 0xd800) << 10) + (second - 0xdc00);
            return true;
        }
        parser->at = after;
    }
    *point = 0xfffd;
    return true;
}

// What follows a backslash, written to `out`; returns its size, 0 if it is no escape.
static size_t escape(struct parser *parser, char *out) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    int letter = peek(parser);
    const char *known = letter > 0 ? strchr(letters, letter) : NULL;
    parser->at++;
    if (known) {
        *out = meant[known - letters];
        return 1;
    }
    uint32_t point;
    return letter == 'u' && unicode(parser, &point) ? utf8_write(point, out) : 0;
}

// No string is longer than its text between the quotes.
static bool parse_string(struct parser *parser, struct string *string) {
    if (!takes(parser, S("\""))) {
        return false;
    }
    size_t end = parser->at;
    while (end < parser->text.length && parser->text.data[end] != '"') {
        end += parser->text.data[end] == '\\' ? 2 : 1;
    }
    if (end >= parser->text.length) {
        return false;
    }
    char *out = arena_allocate(parser->arena, end - parser->at + 1);
    size_t length = 0;
    while (parser->at < end) {
        int letter = peek(parser);
        if (letter < ' ') {
            return false;
        }
        parser->at++;
        if (letter != '\\') {
            out[length++] = (char)letter;
            continue;
        }
        size_t size = escape(parser, out + length);
        if (!size) {
            return false;
        }
        length += size;
    }
    parser->at++;
    *string = (struct string){out, length};
    return true;
}

static bool parse_array(struct parser *parser, struct value *array) {
    *array = json_array();
    skip_space(parser);
    if (takes(parser, S("]"))) {
        return true;
    }
    do {
        struct value item;
        if (!parse_value(parser, &item)) {
            return false;
        }
        array_add(parser->arena, array, item);
        skip_space(parser);
    } while (takes(parser, S(",")));
    return takes(parser, S("]"));
}

static bool parse_object(struct parser *parser, struct value *object) {
    *object = json_object();
    skip_space(parser);
    if (takes(parser, S("}"))) {
        return true;
    }
    do {
        struct string name;
        struct value value;
        skip_space(parser);
        if (!parse_string(parser, &name)) {
            return false;
        }
        skip_space(parser);
        if (!takes(parser, S(":")) || !parse_value(parser, &value)) {
            return false;
        }
        object_add(parser->arena, object, name, value);
        skip_space(parser);
    } while (takes(parser, S(",")));
    return takes(parser, S("}"));
}

static bool parse_nested(struct parser *parser, struct value *value) {
    bool (*parse)(struct parser *, struct value *) = peek(parser) == '{' ? parse_object : parse_array;
    if (++parser->depth > MAX_DEPTH) {
        return false;
    }
    parser->at++;
    bool done = parse(parser, value);
    parser->depth--;
    return done;
}

static bool parse_value(struct parser *parser, struct value *value) {
    skip_space(parser);
    switch (peek(parser)) {
    case '{':
    case '[':
        return parse_nested(parser, value);
    case '"':
        *value = json_string(S(""));
        return parse_string(parser, &value->string);
    case 't':
        *value = json_bool(true);
        return takes(parser, S("true"));
    case 'f':
        *value = json_bool(false);
        return takes(parser, S("false"));
    case 'n':
        *value = (struct value){.kind = JSON_NULL};
        return takes(parser, S("null"));
    default:
        return parse_number(parser, value);
    }
}

bool json_parse(struct arena *arena, struct string text, struct value *value) {
    struct parser parser = {.arena = arena, .text = text};
    if (!utf8_valid(text) || !parse_value(&parser, value)) {
        return false;
    }
    skip_space(&parser);
    return parser.at == text.length;
}
