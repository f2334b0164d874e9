// A shop whose allocations come from templates, lambdas, operators and every kind of operator new.
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace shop {

std::vector<void *> kept;

template <typename T>
struct Cart {
  std::vector<T> items;
  void add(const T &item) { items.push_back(item); }
};

struct Order {
  std::map<std::string, int> lines;
  Order &operator<<(const std::string &line) {
    lines[line]++;
    return *this;
  }
};

__attribute__((noinline)) void every_new() {
  kept.push_back(new char[128]);
  kept.push_back(new (std::nothrow) char[64]);
  kept.push_back(new int);
  kept.push_back(::operator new(256, std::align_val_t(64)));
}

__attribute__((noinline)) void temporary() {
  for (int i = 0; i < 100; i++) {
    std::string line(100, 'x');
    *std::make_unique<Order>() << line;
  }
}

template <typename F>
__attribute__((noinline)) void call(F f) {
  f();
}

}  // namespace shop

int main() {
  shop::Cart<std::string> names;
  shop::Cart<double> prices;
  for (int i = 0; i < 200; i++) names.add(std::to_string(i) + "aaaaaaaaaaaaaaaaaaaaaaaa");
  for (int i = 0; i < 1000; i++) prices.add(i);
  shop::every_new();
  shop::temporary();
  shop::call([&] { shop::kept.push_back(malloc(333)); });
  std::function<void()> later = [names, prices] { shop::kept.push_back(malloc(444 + names.items.size())); };
  later();
  std::cout << names.items.size() << "\n";
}
