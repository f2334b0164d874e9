// A small schema registry: keeps JSON schemas by subject and version, validates documents, checks compatibility.
//
//	API_KEY=… schema-registry --port 8000 --log registry.jsonl
//
// It ends cleanly on SIGTERM and SIGINT. Its profiles are at /debug/pprof/, without a key, as it listens on 127.0.0.1
// only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const patience = 2 * time.Second // for requests that are being answered when the service is told to stop

func main() {
	port := flag.Int("port", 8000, "where to listen, on 127.0.0.1")
	log := flag.String("log", "registry.jsonl", "the file with the registered schemas, one a line")
	flag.Parse()
	if err := run(*port, *log); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

// run serves until a signal asks to stop.
func run(port int, log string) error {
	key := os.Getenv("API_KEY")
	if key == "" {
		return errors.New("API_KEY is not set: nobody could use the registry")
	}
	if err := setFaults(os.Getenv("REGISTRY_FAULT")); err != nil {
		return err
	}
	if err := setProfileRates(); err != nil {
		return err
	}
	store, err := openStore(log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{Handler: handler(newService(store, key))}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Println("listening on http://" + listener.Addr().String())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close() // whoever is still connected has not asked for anything
}

func handler(service *service) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("/", service)
	return mux
}
