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

	// the others are calls of a function in defects.go
	jsonTwice, regexp, sprintf, log, copyBuffer, gcPressure, mutex, leakGoroutine bool
}

var switches = []struct {
	name string
	on   *bool
}{
	{"slow", &faults.slow},
	{"leak", &faults.leak},
	{"lock", &faults.lock},
	{"query", &faults.query},
	{"json-twice", &faults.jsonTwice},
	{"regexp", &faults.regexp},
	{"sprintf", &faults.sprintf},
	{"log", &faults.log},
	{"copy-buffer", &faults.copyBuffer},
	{"gc-pressure", &faults.gcPressure},
	{"mutex", &faults.mutex},
	{"leak-goroutine", &faults.leakGoroutine},
}

func setFaults(text string) error {
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		if !switchOn(name) {
			return fmt.Errorf("REGISTRY_FAULT: %q is not one of %s", name, strings.Join(faultNames(), ", "))
		}
	}
	return nil
}

func switchOn(name string) bool {
	for _, one := range switches {
		if one.name == name {
			*one.on = true
			return true
		}
	}
	return false
}

func faultNames() []string {
	names := make([]string, len(switches))
	for i, one := range switches {
		names[i] = one.name
	}
	return names
}
