// Does one thing in each of its functions, which are named after it.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"regexp"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

type dish struct {
	ID    int `json:"id"`
	Name  string
	Tags  []string
	Value float64
}

var (
	dishes  []dish
	text    string
	word    = regexp.MustCompile(`(\w+)\s*:\s*(\w+)`)
	null, _ = os.OpenFile("/dev/null", os.O_WRONLY, 0)
	mutex   sync.Mutex
	count   int
	kept    [][]byte
	cert    tls.Certificate
)

func do_serialization() {
	for i := 0; i < 5; i++ {
		data, _ := json.Marshal(dishes)
		var back []dish
		json.Unmarshal(data, &back)
	}
}

func do_regex() { word.FindAllString(text, -1) }

func do_compression() {
	for i := 0; i < 3; i++ {
		w := gzip.NewWriter(&bytes.Buffer{})
		w.Write([]byte(text))
		w.Close()
	}
}

func do_logging() {
	l := log.New(null, "", 3)
	for i := 0; i < 1000; i++ {
		l.Printf("hello %d %s", i, "x")
	}
}

func do_locks() {
	var wait sync.WaitGroup
	for g := 0; g < 4; g++ {
		wait.Add(1)
		go do_locks_worker(&wait)
	}
	wait.Wait()
}

func do_locks_worker(wait *sync.WaitGroup) {
	defer wait.Done()
	for i := 0; i < 3000; i++ {
		mutex.Lock()
		count++
		mutex.Unlock()
	}
}

func do_other() {
	for i := 0; i < 300000; i++ {
		count += i * i % 7
	}
}

func do_allocation() {
	kept = nil
	for i := 0; i < 3000; i++ {
		kept = append(kept, make([]byte, 256))
	}
}

func do_io() {
	for i := 0; i < 2000; i++ {
		null.Write([]byte("hello"))
	}
}

func do_tls() {
	a, b := net.Pipe()
	go do_tls_server(a)
	c := tls.Client(b, &tls.Config{InsecureSkipVerify: true})
	io.Copy(io.Discard, c)
	c.Close()
}

func do_tls_server(a net.Conn) {
	s := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{cert}})
	s.Write([]byte(text))
	s.Close()
}

func main() {
	for i := 0; i < 300; i++ {
		dishes = append(dishes, dish{i, fmt.Sprint("n", i), []string{"a", "b"}, float64(i) / 3})
	}
	data, _ := json.Marshal(dishes)
	text = string(data)
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	plain := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, _ := x509.CreateCertificate(rand.Reader, plain, plain, &key.PublicKey, key)
	cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	cpu, _ := os.Create("cpu.pb.gz")
	pprof.StartCPUProfile(cpu)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		do_serialization()
		do_regex()
		do_compression()
		do_logging()
		do_locks()
		do_other()
		do_allocation()
		do_io()
		do_tls()
		runtime.GC()
	}
	pprof.StopCPUProfile()
	cpu.Close()
	heap, _ := os.Create("heap.pb.gz")
	pprof.Lookup("allocs").WriteTo(heap, 0)
	heap.Close()
}
