// Two named threads, templates, a lambda, a function that is inlined: what perf has to name.
#include <pthread.h>

#include <cstdlib>
#include <thread>
#include <vector>

namespace warehouse {
template <class T>
struct Shelf {
    std::vector<T> items;
    __attribute__((noinline)) T count() const {
        T sum = 0;
        for (int round = 0; round < 20; round++)
            for (T item : items) sum += item * item % 7;
        return sum;
    }
};

static inline int weigh(int item) {
    int sum = 0;
    for (int i = 0; i < 40; i++) sum += (item ^ i) * 3;
    return sum;
}

__attribute__((noinline)) int pack(int items) {
    volatile int sum = 0;
    for (int i = 0; i < items; i++) sum = sum + weigh(i);
    return sum;
}
}  // namespace warehouse

int main(int argc, char **argv) {
    const int rounds = argc > 1 ? atoi(argv[1]) : 200;
    warehouse::Shelf<long> shelf;
    for (long i = 0; i < 5000; i++) shelf.items.push_back(i);
    auto work = [&](const char *name, bool packs) {
        pthread_setname_np(pthread_self(), name);
        volatile long sum = 0;
        for (int i = 0; i < rounds; i++) sum = sum + (packs ? warehouse::pack(3000) : shelf.count());
    };
    std::thread counter(work, "count 12/34 x", false);
    std::thread packer(work, "packer", true);
    counter.join();
    packer.join();
}
