package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"sync/atomic"
)

var (
	annotations = map[string]bool{"$comment": true, "$schema": true, "title": true, "description": true, "examples": true}
	unordered   = map[string]bool{"required": true, "enum": true, "type": true}
)

// What the names of an object's members are.
type names int

const (
	keywords names = iota
	properties
)

const wastedRounds = 32 // how often the fault looks at each letter

var wasted atomic.Uint64

// canonicalise appends a self-contained schema as JSON with its keys in order, without annotations, and with lists that
// are sets sorted. Two schemas are the same if they accept the same documents, whatever order and words they were
// written in.
func canonicalise(out []byte, node any, are names) []byte {
	start := len(out)
	switch node := node.(type) {
	case array:
		out = append(out, '[')
		for i, item := range node {
			if i > 0 {
				out = append(out, ',')
			}
			out = canonicalise(out, item, keywords)
		}
		out = append(out, ']')
	case object:
		out = append(out, '{')
		for i, name := range keptNames(node, are) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendQuoted(out, name), ':')
			list, isList := node[name].(array)
			switch {
			case are == keywords && isList && unordered[name]:
				out = appendSorted(out, list)
			case are == keywords && name == "properties":
				out = canonicalise(out, node[name], properties)
			default:
				out = canonicalise(out, node[name], keywords)
			}
		}
		out = append(out, '}')
	case string:
		out = appendQuoted(out, node)
	case json.Number:
		out = append(out, node...)
	default:
		out = append(out, encode(node)...)
	}
	if faults.slow {
		sum := uint64(0)
		for round := uint64(0); round < wastedRounds; round++ {
			for _, letter := range out[start:] {
				sum = (sum ^ uint64(letter)) * (0x100000001b3 + round)
			}
		}
		wasted.Store(sum)
	}
	return out
}

func keptNames(node object, are names) []string {
	kept := make([]string, 0, len(node))
	for name := range node {
		if are == properties || !annotations[name] {
			kept = append(kept, name)
		}
	}
	sort.Strings(kept)
	return kept
}

func appendSorted(out []byte, items array) []byte {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = string(canonicalise(nil, item, keywords))
	}
	sort.Strings(texts)
	out = append(out, '[')
	out = append(out, strings.Join(texts, ",")...)
	return append(out, ']')
}

var escapes = map[byte]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

// appendQuoted escapes what JSON has to, and nothing else.
func appendQuoted(out []byte, text string) []byte {
	out = append(out, '"')
	plain := 0 // where what needs no escape begins
	for i := 0; i < len(text); i++ {
		letter := text[i]
		if letter >= ' ' && letter != '"' && letter != '\\' {
			continue
		}
		out = append(out, text[plain:i]...)
		if escape, ok := escapes[letter]; ok {
			out = append(out, escape...)
		} else {
			out = append(out, fmt.Sprintf(`\u%04x`, letter)...)
		}
		plain = i + 1
	}
	out = append(out, text[plain:]...)
	return append(out, '"')
}

// fingerprint is equal for schemas that are the same.
func fingerprint(schema any) string {
	digest := sha256.Sum256(canonicalise(nil, schema, keywords))
	return hex.EncodeToString(digest[:])
}
