package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// A JSON value is nil, a bool, a json.Number, a string, an array or an object. Numbers keep their digits.
type (
	array  = []any
	object = map[string]any
)

// maxDepth bounds recursion over values.
const maxDepth = 128

var errNotJSON = errors.New("the body is not JSON")

func parse(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, errNotJSON
	}
	if _, err := decoder.Token(); err != io.EOF || deeperThan(value, maxDepth) {
		return nil, errNotJSON
	}
	return value, nil
}

func deeperThan(value any, depth int) bool {
	switch value := value.(type) {
	case array:
		for _, item := range value {
			if depth == 0 || deeperThan(item, depth-1) {
				return true
			}
		}
	case object:
		for _, member := range value {
			if depth == 0 || deeperThan(member, depth-1) {
				return true
			}
		}
	}
	return false
}

// encode is a value as compact JSON.
func encode(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // what was parsed, or made here, can be written
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// equal compares numbers by what they are worth.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && (a == b || float(a) == float(b))
	case array:
		b, ok := b.(array)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case object:
		b, ok := b.(object)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, value := range a {
			if other, ok := b[name]; !ok || !equal(value, other) {
				return false
			}
		}
		return true
	}
	return a == b
}

func contains(values array, wanted any) bool {
	for _, value := range values {
		if equal(value, wanted) {
			return true
		}
	}
	return false
}

func float(number json.Number) float64 {
	value, _ := number.Float64() // out of range is infinite, which compares as it should
	return value
}

// member is the value of that name, or otherwise if the object has none.
func member(of object, name string, otherwise any) any {
	if value, ok := of[name]; ok {
		return value
	}
	return otherwise
}

// texts are the texts in a list.
func texts(list any) []string {
	var out []string
	items, _ := list.(array)
	for _, item := range items {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
