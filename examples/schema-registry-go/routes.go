package main

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const largestBody = 256 << 10

// service answers any request: nobody gets in without the key, and every answer has an id and is recorded.
type service struct {
	store *store
	key   string
	log   requestLog
}

// problem is an answer other than a success.
type problem struct {
	Status   int      `json:"status"`
	Title    string   `json:"title"`
	Problems []string `json:"problems,omitempty"`
}

func (p *problem) Error() string { return p.Title }

var (
	errNoKey     = &problem{Status: 401, Title: "X-API-Key is missing or wrong"}
	errNoRoute   = &problem{Status: 404, Title: "Not Found"}
	errNoMethod  = &problem{Status: 405, Title: "Method Not Allowed"}
	errNoSchema  = &problem{Status: 404, Title: "no such schema"}
	errNoObject  = &problem{Status: 400, Title: "a schema is a JSON object"}
	errNoVersion = &problem{Status: 400, Title: "a version is a number or latest"}
	errTooLarge  = &problem{Status: 413, Title: fmt.Sprintf("more than %d bytes", largestBody)}
)

func newService(store *store, key string) *service {
	return &service{store: store, key: key}
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	status, content, err := s.answer(w, r)
	if err != nil {
		failure := asProblem(err)
		status, content = failure.Status, failure
	}
	if faults.jsonTwice {
		content = asClientsRead(content)
	}
	if faults.log {
		logMembers(content, "$")
	}
	body := encode(content)
	if faults.regexp {
		body = masked(body)
	}
	if faults.sprintf {
		body = withoutControls(body)
	}
	if faults.copyBuffer {
		onPage(body)
	}
	if faults.gcPressure {
		spell(body)
	}
	if faults.mutex {
		takeTurn()
	}
	id := requestID()
	s.log.recordRequest(id, r.Method+" "+r.URL.Path, status, body, time.Since(started))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-ID", id)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error is a client that has gone
}

func (s *service) answer(w http.ResponseWriter, r *http.Request) (int, any, error) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-API-Key")), []byte(s.key)) != 1 {
		return 0, nil, errNoKey
	}
	r.Body = http.MaxBytesReader(w, r.Body, largestBody)
	segments := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if len(segments) == 4 && segments[0] == "subjects" && segments[2] == "versions" {
		if r.Method != http.MethodGet {
			return 0, nil, errNoMethod
		}
		return s.getByVersion(segments[1], segments[3])
	}
	route := segments[0]
	if len(segments) > 2 {
		return 0, nil, errNoRoute
	}
	if len(segments) == 1 || route == "requests" {
		return s.overview(r.Method, r.URL.Path)
	}
	return s.route(r, route, segments[1])
}

// overview answers at paths without a variable part.
func (s *service) overview(method, path string) (int, any, error) {
	answers := map[string]func() (int, any, error){
		"/health":          s.health,
		"/subjects":        s.subjects,
		"/requests/recent": func() (int, any, error) { return 200, s.log.recent(), nil },
	}
	answer, ok := answers[path]
	if !ok {
		return 0, nil, errNoRoute
	}
	if method != http.MethodGet {
		return 0, nil, errNoMethod
	}
	return answer()
}

func (s *service) route(r *http.Request, route, name string) (int, any, error) {
	switch r.Method + " " + route {
	case "GET schemas":
		return s.getByID(name)
	case "POST schemas":
		return s.register(name, r.Body)
	case "POST validate":
		return s.validate(name, r.Body)
	case "POST compatibility":
		return s.checkCompatibility(name, r.Body)
	}
	switch route {
	case "schemas", "validate", "compatibility":
		return 0, nil, errNoMethod
	}
	return 0, nil, errNoRoute
}

func (s *service) health() (int, any, error) {
	return 200, object{"status": "ok", "subjects": len(s.store.subjects())}, nil
}

func (s *service) subjects() (int, any, error) {
	overview := array{}
	for _, latest := range s.store.subjects() {
		overview = append(overview, object{"subject": latest.subject, "version": latest.version, "id": latest.id})
	}
	return 200, overview, nil
}

func (s *service) getByID(id string) (int, any, error) {
	number, _ := strconv.Atoi(id) // 0, which no schema has, if it is none
	return describe(s.store.byID(number))
}

func (s *service) getByVersion(subject, version string) (int, any, error) {
	if version == "latest" {
		return describe(s.store.latest(subject))
	}
	number, err := strconv.ParseUint(version, 10, 30)
	if err != nil {
		return 0, nil, errNoVersion
	}
	return describe(s.store.byVersion(subject, int(number)))
}

// register answers 201 for a new version, 200 for a schema that is known, 409 for one that old documents do not fit.
func (s *service) register(subject string, body io.Reader) (int, any, error) {
	schema, err := schemaFrom(body)
	if err != nil {
		return 0, nil, err
	}
	contained, err := selfContained(schema)
	if err != nil {
		return 0, nil, badSchema(err)
	}
	if faults.leakGoroutine {
		watch(schema)
	}
	digest := fingerprint(contained)
	if known := s.store.registerAgain(subject, digest); known != nil {
		return 200, object{"id": known.id, "version": known.version}, nil
	}
	if err := checkSchema(schema, "$"); err != nil {
		return 0, nil, badSchema(err)
	}
	problems, err := s.againstLatest(subject, contained)
	if err != nil {
		return 0, nil, err
	}
	if len(problems) > 0 {
		return 0, nil, &problem{Status: 409, Title: "not backward compatible", Problems: problems}
	}
	added, err := s.store.add(subject, digest, schema)
	if err != nil {
		return 0, nil, err
	}
	return 201, object{"id": added.id, "version": added.version}, nil
}

func (s *service) validate(id string, body io.Reader) (int, any, error) {
	document, err := jsonFrom(body)
	if err != nil {
		return 0, nil, err
	}
	number, _ := strconv.Atoi(id)
	schema := s.store.byID(number)
	if schema == nil {
		return 0, nil, errNoSchema
	}
	contained, err := selfContained(schema.schema)
	if err != nil {
		return 0, nil, badSchema(err)
	}
	errors := validateDocument(contained, document)
	return 200, object{"id": schema.id, "valid": len(errors) == 0, "errors": errors}, nil
}

func (s *service) checkCompatibility(subject string, body io.Reader) (int, any, error) {
	schema, err := schemaFrom(body)
	if err != nil {
		return 0, nil, err
	}
	if err := checkSchema(schema, "$"); err != nil {
		return 0, nil, badSchema(err)
	}
	contained, err := selfContained(schema)
	if err != nil {
		return 0, nil, badSchema(err)
	}
	if s.store.latest(subject) == nil {
		return 0, nil, errNoSchema
	}
	problems, err := s.againstLatest(subject, contained)
	if err != nil {
		return 0, nil, err
	}
	return 200, object{"subject": subject, "compatible": len(problems) == 0, "problems": problems}, nil
}

func (s *service) againstLatest(subject string, contained any) ([]string, error) {
	latest := s.store.latest(subject)
	if latest == nil {
		return []string{}, nil
	}
	old, err := selfContained(latest.schema)
	if err != nil {
		return nil, err
	}
	return append([]string{}, incompatibilities(old, contained, "$")...), nil
}

// describe is what is sent of a schema, after a look at whether it is still what was registered.
func describe(registered *registered) (int, any, error) {
	if registered == nil {
		return 0, nil, errNoSchema
	}
	schema, err := selfContained(registered.schema)
	if err != nil {
		return 0, nil, err
	}
	if fingerprint(schema) != registered.fingerprint {
		return 0, nil, fmt.Errorf("schema %d is damaged: it does not have its fingerprint", registered.id)
	}
	return 200, object{
		"id":          registered.id,
		"subject":     registered.subject,
		"version":     registered.version,
		"fingerprint": registered.fingerprint,
		"schema":      schema,
	}, nil
}

func jsonFrom(body io.Reader) (any, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, errTooLarge
	}
	value, err := parse(text)
	if err != nil {
		return nil, &problem{Status: 400, Title: err.Error()}
	}
	return value, nil
}

func schemaFrom(body io.Reader) (any, error) {
	schema, err := jsonFrom(body)
	if err == nil && !isObject(schema) {
		return nil, errNoObject
	}
	return schema, err
}

func badSchema(reason error) error {
	return &problem{Status: 400, Title: "not a schema: " + reason.Error()}
}

func asProblem(err error) *problem {
	var known *problem
	if errors.As(err, &known) {
		return known
	}
	return &problem{Status: 500, Title: err.Error()}
}
