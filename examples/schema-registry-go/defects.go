package main

import (
	"fmt"
	"log"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
)

// What services do that costs more than its author thinks: each function is called only where its fault is on (faults.go).

const (
	page = 1 << 20                // how large a page is that answers are laid out on
	turn = 500 * time.Microsecond // how long a turn takes
)

// asClientsRead (json-twice): what JSON cannot say is noticed here, and not by a client.
func asClientsRead(content any) any {
	value, err := parse(encode(content))
	if err != nil {
		return content
	}
	return value
}

var secrets = []string{
	`(?i)"password":"([^"\\]|\\.)*"`, `\b[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}\b`, `(?i)bearer [a-z0-9._-]{20,}`,
}

// masked (regexp): the same expressions are compiled for every answer.
func masked(body []byte) []byte {
	for _, secret := range secrets {
		body = regexp.MustCompile(secret).ReplaceAllLiteral(body, []byte("…"))
	}
	return body
}

// withoutControls (sprintf): a string is formatted for every letter.
func withoutControls(body []byte) []byte {
	var out strings.Builder
	for _, letter := range string(body) {
		if !unicode.IsControl(letter) {
			out.WriteString(fmt.Sprintf("%c", letter))
		}
	}
	return []byte(out.String())
}

// logMembers (log): a line for each member of a schema.
func logMembers(content any, path string) {
	schema, _ := content.(object)
	for _, name := range sortedNames(schema) {
		log.Printf("%s has the member %s", path, name)
		logMembers(schema[name], path+"."+name)
	}
}

var emptyPage = make([]byte, page)

// onPage (copy-buffer): a large empty page is copied, to put little on it.
func onPage(body []byte) int {
	laidOut := append([]byte(nil), emptyPage...)
	return copy(laidOut, body)
}

type letter struct {
	before, first *letter
	value         string
}

var spelt struct {
	mutex sync.Mutex
	last  [kept]*letter
	next  int
}

// spell (gc-pressure): the last answers are kept as lists of letters, all of which the garbage collector has to visit.
func spell(body []byte) {
	var first, last *letter
	for _, value := range body {
		last = &letter{last, first, string(rune(value))}
		if first == nil {
			first = last
		}
	}
	spelt.mutex.Lock()
	defer spelt.mutex.Unlock()
	spelt.last[spelt.next] = last
	spelt.next = (spelt.next + 1) % kept
}

var turns sync.Mutex

// takeTurn (mutex): everyone waits for everyone.
func takeTurn() {
	turns.Lock()
	defer turns.Unlock()
	time.Sleep(turn)
}

// watch (leak-goroutine): a goroutine that waits for what never comes.
func watch(schema any) {
	changed := make(chan any)
	go func() {
		if <-changed != nil {
			log.Print(schema)
		}
	}()
}
