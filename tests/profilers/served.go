// A small service to profile: CPU, memory that is kept, a lock and a channel that are waited for.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"sync"
	"time"
)

var (
	kept [][]byte
	lock sync.Mutex
	sink int
)

//go:noinline
func price(n int) (sum int) {
	for i := 0; i < n; i++ {
		sum += i * i % 7
	}
	return
}

//go:noinline
func keep() { kept = append(kept, make([]byte, 1<<16)) }

//go:noinline
func contend() {
	lock.Lock()
	defer lock.Unlock()
	time.Sleep(2 * time.Millisecond)
}

func work() {
	for {
		sink += price(200000)
		keep()
		contend()
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "locks" {
		runtime.SetMutexProfileFraction(1)
		runtime.SetBlockProfileRate(1)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	for i := 0; i < 3; i++ {
		go work()
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}
