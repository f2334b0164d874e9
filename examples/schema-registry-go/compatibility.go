package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// bounds are keywords, and whether a larger value accepts less.
var bounds = []struct {
	keyword      string
	largerIsLess bool
}{
	{"minimum", true}, {"exclusiveMinimum", true}, {"minLength", true}, {"minItems", true}, {"minProperties", true},
	{"maximum", false}, {"exclusiveMaximum", false}, {"maxLength", false}, {"maxItems", false}, {"maxProperties", false},
}

// fixed are keywords that cannot be compared: what they say must stay as it is.
var fixed = []string{
	"pattern", "format", "multipleOf", "uniqueItems", "const", "anyOf", "oneOf", "allOf", "not", "if",
}

// incompatibilities is one sentence for each thing that the old schema accepts at path and the new one may not; none:
// whoever reads with the new schema can read everything that was written with the old one. Both are self-contained.
func incompatibilities(old, new any, path string) []string {
	before, isObject := old.(object)
	now, isObjectNow := new.(object)
	switch {
	case new == true, isObjectNow && len(now) == 0, equal(old, new):
		return nil
	case !isObject || !isObjectNow:
		return []string{fmt.Sprintf("%s: %s became %s", path, encode(old), encode(new))}
	}
	found := narrowedTypes(before, now, path)
	found = append(found, narrowedValues(before, now, path)...)
	found = append(found, narrowedObject(before, now, path)...)
	return append(found, incompatibilities(member(before, "items", true), member(now, "items", true), path+"[]")...)
}

func acceptedTypes(schema object) map[string]bool {
	accepted := map[string]bool{}
	switch given := schema["type"].(type) {
	case string:
		accepted[given] = true
	case array:
		for _, name := range texts(given) {
			accepted[name] = true
		}
	default:
		for _, name := range types {
			accepted[name] = true
		}
	}
	if accepted["number"] {
		accepted["integer"] = true
	}
	return accepted
}

func narrowedTypes(old, new object, path string) []string {
	var lost []string
	now := acceptedTypes(new)
	for name := range acceptedTypes(old) {
		if !now[name] {
			lost = append(lost, name)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	sort.Strings(lost)
	return []string{fmt.Sprintf("%s: no longer accepts %s", path, strings.Join(lost, ", "))}
}

func narrowedValues(old, new object, path string) []string {
	var found []string
	if lost := lostValues(old, new); len(lost) > 0 {
		found = append(found, fmt.Sprintf("%s: enum no longer has %s", path, strings.Join(lost, ", ")))
	}
	for _, bound := range bounds {
		now, bounded := new[bound.keyword].(json.Number)
		if !bounded {
			continue
		}
		before, wasBounded := old[bound.keyword].(json.Number)
		if !wasBounded {
			before = "unlimited"
		}
		if !wasBounded || (float(now) > float(before)) == bound.largerIsLess && float(now) != float(before) {
			found = append(found, fmt.Sprintf("%s: %s went from %s to %s", path, bound.keyword, before, now))
		}
	}
	for _, word := range fixed {
		if now, ok := new[word]; ok && !equal(old[word], now) {
			found = append(found, fmt.Sprintf("%s: %s changed", path, word))
		}
	}
	return found
}

// lostValues are those that enum had and has no more, as they stand in a sentence.
func lostValues(old, new object) []string {
	now, limited := new["enum"].(array)
	if !limited {
		return nil
	}
	before, wasLimited := old["enum"].(array)
	if !wasLimited {
		return []string{"any other value"}
	}
	var lost []string
	for _, value := range before {
		if text, ok := value.(string); ok && !contains(now, value) {
			lost = append(lost, text)
		} else if !contains(now, value) {
			lost = append(lost, string(encode(value)))
		}
	}
	return lost
}

func narrowedObject(old, new object, path string) []string {
	var found []string
	before, _ := old["properties"].(object)
	now, _ := new["properties"].(object)
	for _, name := range newlyRequired(old, new) {
		property, _ := now[name].(object)
		if _, hasDefault := property["default"]; !hasDefault {
			found = append(found, fmt.Sprintf("%s.%s: became required", path, name))
		}
	}
	openBefore, openNow := member(old, "additionalProperties", true), member(new, "additionalProperties", true)
	if openBefore != false {
		found = append(found, incompatibilities(openBefore, openNow, path+".*")...)
	}
	for _, name := range sortedNames(before) {
		if property, ok := now[name]; ok {
			found = append(found, incompatibilities(before[name], property, path+"."+name)...)
		} else if openNow != true {
			found = append(found, fmt.Sprintf("%s.%s: was removed, and no other properties are allowed", path, name))
		}
	}
	return found
}

func newlyRequired(old, new object) []string {
	was := map[string]bool{}
	for _, name := range texts(old["required"]) {
		was[name] = true
	}
	var added []string
	for _, name := range texts(new["required"]) {
		if !was[name] {
			added = append(added, name)
			was[name] = true
		}
	}
	sort.Strings(added)
	return added
}

func sortedNames(of object) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
