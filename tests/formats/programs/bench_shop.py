"""What pytest-benchmark runs for the samples."""


def test_price(benchmark):
    benchmark.pedantic(lambda: sum(i * i % 7 for i in range(2000)), rounds=6)


def test_search(benchmark):
    benchmark.pedantic(lambda: sorted(str(i) for i in range(2000)), rounds=6)
