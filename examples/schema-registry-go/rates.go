package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
)

// profileRates are the environment variables that say how much the runtime records for /debug/pprof/.
var profileRates = []struct {
	name string
	set  func(int)
}{
	{"REGISTRY_MUTEX_FRACTION", func(n int) { runtime.SetMutexProfileFraction(n) }}, // one of n contentions; 0: none
	{"REGISTRY_BLOCK_RATE", runtime.SetBlockProfileRate},                            // one of n ns blocked; 0: none
	{"REGISTRY_MEMORY_RATE", func(n int) { runtime.MemProfileRate = n }},            // one of n bytes; 1: exact
}

func setProfileRates() error {
	for _, rate := range profileRates {
		text := os.Getenv(rate.name)
		if text == "" {
			continue
		}
		number, err := strconv.Atoi(text)
		if err != nil || number < 0 {
			return fmt.Errorf("%s: %q is not a number from 0", rate.name, text)
		}
		rate.set(number)
	}
	return nil
}
