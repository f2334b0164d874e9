package main

import (
	"errors"
	"fmt"
	"strings"
)

const (
	prefix   = "#/$defs/"
	maxNodes = 100_000 // a schema whose definitions double each other would fill the memory
)

// selfContained is the schema without $defs, and with what each reference refers to in its place: as clients want it,
// without a resolver. The error says which reference cannot be replaced, and why.
func selfContained(schema any) (any, error) {
	whole, ok := schema.(object)
	if !ok {
		return schema, nil
	}
	body := make(object, len(whole))
	for name, value := range whole {
		if name != "$defs" {
			body[name] = value
		}
	}
	definitions, _ := whole["$defs"].(object)
	expansion := expansion{definitions: definitions, within: map[string]bool{}}
	return expansion.expandReferences(body, 0)
}

type expansion struct {
	definitions object
	within      map[string]bool // the definitions that the node at hand is a part of
	nodes       int
}

// expandReferences is a copy of node with references replaced.
func (e *expansion) expandReferences(node any, depth int) (any, error) {
	e.nodes++
	if depth > maxDepth || e.nodes > maxNodes {
		return nil, errors.New("too large or too deep with its references replaced")
	}
	switch node := node.(type) {
	case array:
		items := make(array, len(node))
		for i, item := range node {
			expanded, err := e.expandReferences(item, depth+1)
			if err != nil {
				return nil, err
			}
			items[i] = expanded
		}
		return items, nil
	case object:
		if reference, ok := node["$ref"].(string); ok {
			return e.referredTo(reference, depth)
		}
		members := make(object, len(node))
		for name, value := range node {
			expanded, err := e.expandReferences(value, depth+1)
			if err != nil {
				return nil, err
			}
			members[name] = expanded
		}
		return members, nil
	}
	return node, nil
}

func (e *expansion) referredTo(reference string, depth int) (any, error) {
	name := strings.TrimPrefix(reference, prefix)
	definition, ok := e.definitions[name]
	if !ok {
		return nil, fmt.Errorf("%s is not defined", reference)
	}
	if e.within[name] {
		return nil, fmt.Errorf("%s refers to itself", reference)
	}
	e.within[name] = true
	defer delete(e.within, name)
	return e.expandReferences(definition, depth+1)
}
