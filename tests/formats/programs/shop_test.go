package main

import "testing"

func BenchmarkPrice(b *testing.B) {
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		total += price(1000)
	}
}

func BenchmarkKeep(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(64)
	for i := 0; i < b.N; i++ {
		kept = append(kept[:0], make([]byte, 64))
	}
	b.ReportMetric(float64(len(kept)), "blocks/op")
}
