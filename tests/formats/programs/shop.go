// A small Go program to profile: two functions, memory that is kept, a lock that is fought for, goroutines that wait.
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"time"
)

var kept [][]byte
var total int

//go:noinline
func price(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += i * i % 7
	}
	return
}

//go:noinline
func search(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum ^= i << 3
	}
	return
}

//go:noinline
func keep() {
	for i := 0; i < 8; i++ {
		kept = append(kept, make([]byte, 1<<20))
	}
}

//go:noinline
func contend(lock *sync.Mutex) {
	lock.Lock()
	time.Sleep(5 * time.Millisecond)
	lock.Unlock()
}

func wait(c chan int) { <-c }

func write(name string, profile *pprof.Profile, debug int) {
	file, _ := os.Create(name)
	profile.WriteTo(file, debug)
	file.Close()
}

func main() {
	runtime.MemProfileRate = 1
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	for i := 0; i < 3; i++ {
		go wait(make(chan int))
	}
	spans, _ := os.Create("trace.out")
	trace.Start(spans)
	cpu, _ := os.Create("cpu.pb.gz")
	pprof.StartCPUProfile(cpu)
	pprof.Do(context.Background(), pprof.Labels("handler", "/items"), func(context.Context) {
		end := time.Now().Add(time.Second)
		for time.Now().Before(end) {
			total += price(300000) + search(300000)
		}
	})
	pprof.StopCPUProfile()
	trace.Stop()
	keep()
	var lock sync.Mutex
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() { contend(&lock); group.Done() }()
	}
	group.Wait()
	runtime.GC()
	for _, name := range []string{"heap", "mutex", "block", "goroutine"} {
		write(name+".pb.gz", pprof.Lookup(name), 0)
	}
	write("heap.txt", pprof.Lookup("heap"), 1)
	write("goroutine.txt", pprof.Lookup("goroutine"), 2)
}
