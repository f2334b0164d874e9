package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"sync"
	"time"
)

const (
	held        = time.Millisecond // for how long the fault holds the lock after there is nothing more to do
	longestLine = 4 << 20
)

// registered is a schema that the registry knows. It never changes.
type registered struct {
	id          int
	subject     string
	version     int
	fingerprint string
	schema      any
}

type registry struct {
	schemas       []*registered            // the place in here, from 1, is the id
	subjects      map[string][]*registered // the versions of each subject, the first one first
	registrations map[int]int              // how often each schema was registered, by id
}

// store has schemas in memory, and in a file from which the next start reads them: a JSON object with subject and
// schema a line.
type store struct {
	mutex    sync.Mutex
	registry *registry
	path     string
}

// openStore reads the registry that the file describes; it is empty if there is no such file.
func openStore(path string) (*store, error) {
	registry := newRegistry()
	err := eachLine(path, func(subject string, schema any) error {
		contained, err := selfContained(schema)
		if err == nil {
			registry.add(subject, fingerprint(contained), schema)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return &store{registry: registry, path: path}, nil
}

func (s *store) byID(id int) (found *registered) {
	if faults.query {
		return s.searchFile(func(schema *registered) bool { return schema.id == id })
	}
	s.withRegistryLock(func(r *registry) {
		if id >= 1 && id <= len(r.schemas) {
			found = r.schemas[id-1]
		}
	})
	return found
}

func (s *store) byVersion(subject string, version int) (found *registered) {
	if faults.query {
		return s.searchFile(func(r *registered) bool { return r.subject == subject && r.version == version })
	}
	s.withRegistryLock(func(r *registry) {
		if versions := r.subjects[subject]; version >= 1 && version <= len(versions) {
			found = versions[version-1]
		}
	})
	return found
}

func (s *store) latest(subject string) (found *registered) {
	s.withRegistryLock(func(r *registry) {
		if versions := r.subjects[subject]; len(versions) > 0 {
			found = versions[len(versions)-1]
		}
	})
	return found
}

// registerAgain is the schema of that fingerprint, with one more registration counted; nil if there is none.
func (s *store) registerAgain(subject, fingerprint string) (found *registered) {
	s.withRegistryLock(func(r *registry) {
		if found = r.known(subject, fingerprint); found != nil {
			r.registrations[found.id]++
		}
	})
	return found
}

// add keeps the schema as the next version of the subject, here and in the file, if nobody else has meanwhile.
func (s *store) add(subject, fingerprint string, schema any) (added *registered, err error) {
	line := append(encode(object{"subject": subject, "schema": schema}), '\n')
	s.withRegistryLock(func(r *registry) {
		if added = r.known(subject, fingerprint); added != nil {
			return
		}
		if err = appendTo(s.path, line); err == nil {
			added = r.add(subject, fingerprint, schema)
		}
	})
	return added, err
}

// subjects has the latest version of every subject.
func (s *store) subjects() []*registered {
	latest := []*registered{}
	s.withRegistryLock(func(r *registry) {
		for _, versions := range r.subjects {
			latest = append(latest, versions[len(versions)-1])
		}
	})
	sort.Slice(latest, func(i, j int) bool { return latest[i].subject < latest[j].subject })
	return latest
}

func (s *store) withRegistryLock(action func(*registry)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	action(s.registry)
	if faults.lock {
		time.Sleep(held)
	}
}

// searchFile is the fault: what a query without an index does. It reads the file until a schema is the wanted one.
func (s *store) searchFile(isWanted func(*registered) bool) (found *registered) {
	read, errFound := newRegistry(), errors.New("found")
	_ = eachLine(s.path, func(subject string, schema any) error {
		contained, err := selfContained(schema)
		if err != nil {
			return err
		}
		if added := read.add(subject, fingerprint(contained), schema); isWanted(added) {
			found = added
			return errFound
		}
		return nil
	})
	return found
}

func newRegistry() *registry {
	return &registry{subjects: map[string][]*registered{}, registrations: map[int]int{}}
}

func (r *registry) known(subject, fingerprint string) *registered {
	for _, known := range r.subjects[subject] {
		if known.fingerprint == fingerprint {
			return known
		}
	}
	return nil
}

func (r *registry) add(subject, fingerprint string, schema any) *registered {
	added := &registered{len(r.schemas) + 1, subject, len(r.subjects[subject]) + 1, fingerprint, schema}
	r.schemas = append(r.schemas, added)
	r.subjects[subject] = append(r.subjects[subject], added)
	r.registrations[added.id] = 1
	return added
}

// eachLine calls action until it fails. Errors name the file and the line.
func eachLine(path string, action func(subject string, schema any) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longestLine)
	for number := 1; lines.Scan(); number++ {
		value, _ := parse(lines.Bytes())
		line, _ := value.(object)
		subject, ok := line["subject"].(string)
		err := errors.New("not an object with subject and schema")
		if ok && line["schema"] != nil {
			err = action(subject, line["schema"])
		}
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", path, number, err)
		}
	}
	return lines.Err()
}

func appendTo(path string, line []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := file.Write(line); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
