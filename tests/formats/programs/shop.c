/* A small C program to profile with gperftools. */
#include <stdint.h>

__attribute__((noinline)) uint64_t price(uint64_t n) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < n; i++) sum += i * i % 7;
  return sum;
}

__attribute__((noinline)) uint64_t search(uint64_t n) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < n; i++) sum ^= i << 3;
  return sum;
}

int main(void) {
  volatile uint64_t total = 0;
  for (int i = 0; i < 300; i++) total += price(500000 + i) + search(1000000 + i);
  return total == 1;
}
