#include "defects.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

enum { PAGE = 1 << 20, TURN_NS = 500000 };
enum { INDEXED = 1 << 17, WORD = 64, KEPT_OF = 64, RENEWED_AFTER = 2048 };

struct letter {
    struct letter *before;
    char value;
};

ONE_FUNCTION size_t count_capitals(struct string body) {
    struct letter *last = NULL;
    size_t count = 0;
    for (size_t i = 0; i < body.length; i++) {
        struct letter *letter = allocate(sizeof *letter);
        *letter = (struct letter){last, body.data[i]};
        last = letter;
    }
    while (last) {
        struct letter *before = last->before;
        count += isupper((unsigned char)last->value) != 0;
        free(last);
        last = before;
    }
    return count;
}

ONE_FUNCTION void index_words(struct string body) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char *words[INDEXED];
    static size_t asked;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; asked % RENEWED_AFTER == 0 && i < INDEXED; i++) {
        free(words[i]);
        words[i] = allocate(WORD);
        memcpy(words[i], body.data, body.length < WORD ? body.length : WORD);
    }
    for (size_t i = 0; asked % RENEWED_AFTER == 0 && i < INDEXED; i++) {
        if (i % KEPT_OF) {
            free(words[i]);
            words[i] = NULL;
        }
    }
    asked++;
    pthread_mutex_unlock(&lock);
}

ONE_FUNCTION void lay_out(struct string body) {
    static char empty[PAGE];
    char *page = allocate(PAGE);
    memcpy(page, empty, PAGE);
    memcpy(page, body.data, body.length < PAGE ? body.length : PAGE);
    volatile char first = *page;
    (void)first;
    free(page);
}

ONE_FUNCTION size_t count_words(struct string body) {
    char *text = allocate(body.length + 1);
    size_t count = 0;
    memcpy(text, body.data, body.length);
    text[body.length] = '\0';
    for (size_t i = 0; i < strlen(text); i++) {
        text[i] = (char)tolower((unsigned char)text[i]);
        count += i && isalpha((unsigned char)text[i]) && !isalpha((unsigned char)text[i - 1]);
    }
    free(text);
    return count;
}

ONE_FUNCTION long memory_in_use(void) {
    char text[2048];
    size_t length = 0;
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    while (file >= 0 && length < sizeof text - 1 && read(file, text + length, 1) == 1) {
        length++;
    }
    text[length] = '\0';
    close(file);
    const char *found = strstr(text, "VmRSS:");
    return found ? strtol(found + strlen("VmRSS:"), NULL, 10) : 0;
}

static pthread_spinlock_t turns;

static void make_turns(void) {
    pthread_spin_init(&turns, PTHREAD_PROCESS_PRIVATE);
}

ONE_FUNCTION void take_turn(void) {
    static pthread_once_t made = PTHREAD_ONCE_INIT;
    pthread_once(&made, make_turns);
    pthread_spin_lock(&turns);
    nanosleep(&(struct timespec){.tv_nsec = TURN_NS}, NULL);
    pthread_spin_unlock(&turns);
}

struct visit {
    struct visit *before;
    char text[];
};

ONE_FUNCTION void remember(struct string path, struct string body) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct visit *last;
    struct visit *visit = allocate(sizeof *visit + path.length + body.length);
    memcpy(visit->text, path.data, path.length);
    memcpy(visit->text + path.length, body.data, body.length);
    pthread_mutex_lock(&lock);
    visit->before = last;
    last = visit;
    pthread_mutex_unlock(&lock);
}
