#include "utf8.h"

// How many bytes the code point takes that begins with this one; 0 if none does.
static size_t size_from(unsigned char first) {
    if (first < 0x80) {
        return 1;
    }
    return first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

uint32_t utf8_next(struct string string, size_t *at) {
    unsigned char first = (unsigned char)string.data[*at];
    size_t size = size_from(first);
    uint32_t point = size == 1 ? first : first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        point = point << 6 | ((unsigned char)string.data[*at + i] & 0x3f);
    }
    *at += size;
    return point;
}

bool utf8_valid(struct string string) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t at = 0; at < string.length;) {
        size_t size = size_from((unsigned char)string.data[at]);
        if (!size || size > string.length - at) {
            return false;
        }
        for (size_t i = 1; i < size; i++) {
            if (((unsigned char)string.data[at + i] & 0xc0) != 0x80) {
                return false;
            }
        }
        uint32_t point = utf8_next(string, &at);
        if (point < least[size] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
            return false;
        }
    }
    return true;
}

size_t utf8_count(struct string string) {
    size_t count = 0;
    for (size_t i = 0; i < string.length; i++) {
        count += ((unsigned char)string.data[i] & 0xc0) != 0x80;
    }
    return count;
}

size_t utf8_write(uint32_t point, char *bytes) {
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; point >>= 6) {
        bytes[i] = (char)(0x80 | (point & 0x3f));
    }
    bytes[0] = (char)(marks[size] | point);
    return size;
}
