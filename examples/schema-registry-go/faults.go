package main

import (
	"fmt"
	"strings"
)

// faults are to be found by profilers; REGISTRY_FAULT=slow,leak,lock,query switches on any of them.
var faults struct {
	slow  bool // canonicalise does the work of several
	leak  bool // recordRequest keeps every answer
	lock  bool // withRegistryLock holds the lock longer than it has to
	query bool // schemas are looked up in the file instead of in the index
}

func setFaults(text string) error {
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		switch name {
		case "slow":
			faults.slow = true
		case "leak":
			faults.leak = true
		case "lock":
			faults.lock = true
		case "query":
			faults.query = true
		default:
			return fmt.Errorf("REGISTRY_FAULT: %q is not one of slow, leak, lock, query", name)
		}
	}
	return nil
}
