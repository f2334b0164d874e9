// What google-benchmark runs for the samples.
#include <benchmark/benchmark.h>
#include <vector>

static void Price(benchmark::State &state) {
  for (auto _ : state) {
    long sum = 0;
    for (long i = 0; i < state.range(0); i++) benchmark::DoNotOptimize(sum += i * i % 7);
  }
}
BENCHMARK(Price)->Arg(1000);

static void Fail(benchmark::State &state) {
  state.SkipWithError("no stock");
  for (auto _ : state) {}
}
BENCHMARK(Fail);
BENCHMARK_MAIN();
