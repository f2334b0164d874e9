package main

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

const kept = 256

type entry struct {
	ID      string  `json:"id"`
	Request string  `json:"request"`
	Status  int     `json:"status"`
	Bytes   int     `json:"bytes"`
	Ms      float64 `json:"ms"`
}

// requestLog has the last requests, for whoever operates the service: GET /requests/recent.
type requestLog struct {
	mutex   sync.Mutex
	entries []entry  // the oldest one at next, once there are as many as are kept
	next    int      // where the next one goes
	answers []string // the fault
}

func (l *requestLog) recordRequest(id, request string, status int, body []byte, took time.Duration) {
	added := entry{id, request, status, len(body), float64(took.Microseconds()) / 1000}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if faults.leak {
		l.answers = append(l.answers, string(body))
	}
	if len(l.entries) < kept {
		l.entries = append(l.entries, added)
	} else {
		l.entries[l.next] = added
	}
	l.next = (l.next + 1) % kept
}

// recent has the oldest entry first.
func (l *requestLog) recent() []entry {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	out := make([]entry, 0, len(l.entries))
	if len(l.entries) == kept {
		out = append(out, l.entries[l.next:]...)
		return append(out, l.entries[:l.next]...)
	}
	return append(out, l.entries...)
}

// requestID is 32 hexadecimal digits.
func requestID() string {
	var bytes [16]byte
	if _, err := rand.Read(bytes[:]); err != nil {
		panic(err) // a system without random numbers
	}
	return hex.EncodeToString(bytes[:])
}
