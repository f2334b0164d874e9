// A vineyard in C++ for valgrind's tools: templates, inlined code, recursion, a thread, containers, what is never freed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#define NOINLINE __attribute__((noinline))

namespace vineyard {
volatile unsigned sink;

NOINLINE unsigned vines(unsigned n) { return n < 2 ? n : vines(n - 1) + vines(n - 2); }

unsigned white(unsigned n);
NOINLINE unsigned red(unsigned n) {
  sink += n;
  return n == 0 ? 1 : white(n - 1);
}
NOINLINE unsigned white(unsigned n) {
  sink += 2;
  return n == 0 ? 0 : red(n - 1);
}

template <class T> struct Cask {
  std::vector<T> drops;
  NOINLINE void add(T drop) { drops.push_back(drop); }
  T sum() const {
    T all{};
    for (auto &drop : drops)
      all += drop;
    return all;
  }
};

NOINLINE unsigned crush(unsigned n) {
  unsigned sum = 0;
  for (unsigned i = 0; i < n; i++)
    sum += i * n;
  sink = sum;
  return sum;
}
NOINLINE unsigned early(unsigned n) { return crush(n) + 1; }
NOINLINE unsigned late(unsigned n) { return crush(2 * n) + 2; }

NOINLINE unsigned vintage(unsigned n) {
  Cask<unsigned> cask;
  for (unsigned i = 0; i < n; i++)
    cask.add(early(i) + late(i));
  std::sort(cask.drops.begin(), cask.drops.end(), [](unsigned a, unsigned b) { return a % 97 < b % 97; });
  return cask.sum();
}

struct Label {
  virtual ~Label() = default;
  virtual std::string text(unsigned n) const { return std::string(n + 20, 'v'); }
};
struct Reserve : Label {
  std::string text(unsigned n) const override { return std::string(3 * n + 20, 'r'); }
};

std::map<std::string, std::unique_ptr<int[]>> cellar;

NOINLINE void lay_down(unsigned n) {
  std::unique_ptr<Label> label = n % 2 ? std::make_unique<Label>() : std::make_unique<Reserve>();
  for (unsigned i = 0; i < n; i++)
    cellar[label->text(i)] = std::make_unique<int[]>(50 + i);
}
NOINLINE void spill(unsigned n) {
  for (unsigned i = 0; i < n; i++)
    sink += static_cast<unsigned>(reinterpret_cast<std::size_t>(new char[100 + i]) & 1);
}
} // namespace vineyard

int main(int argc, char **argv) {
  using namespace vineyard;
  unsigned n = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 40;
  unsigned other = 0;
  std::thread worker([&] {
    other = vines(10) + vintage(n);
    lay_down(7);
  });
  worker.join();
  lay_down(n);
  spill(9);
  sink += red(20) + vintage(n) + vines(8) + other;
  std::printf("%u\n", sink);
}
