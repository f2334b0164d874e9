package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"sync"
	"unicode/utf8"
)

const mostErrors = 20

// violation says what is wrong with a document at path.
type violation struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// validateDocument is what is wrong with document, at most mostErrors things; none: nothing. The schema is
// self-contained.
func validateDocument(schema, document any) []violation {
	found := []violation{}
	validate(schema, document, "$", &found)
	return found
}

func isValid(schema, value any) bool {
	return len(validateDocument(schema, value)) == 0
}

func validate(schema, value any, path string, found *[]violation) {
	problem := func(message string) {
		if len(*found) < mostErrors {
			*found = append(*found, violation{path, fmt.Sprintf("%.200s", string(encode(value))+" "+message)})
		}
	}
	if schema == false {
		problem("is not allowed here")
	}
	rules, _ := schema.(object)
	for _, word := range sortedNames(rules) {
		if word == "required" {
			for _, name := range missingMembers(value, rules[word]) {
				problem(fmt.Sprintf("lacks the required %q", name))
			}
		} else if breaks(word, rules[word], value) {
			problem(fmt.Sprintf("breaks %s: %s", word, encode(rules[word])))
		}
	}
	validateParts(rules, value, path, found)
	for _, part := range listOf(rules["allOf"]) {
		validate(part, value, path, found)
	}
	if condition, ok := rules["if"]; ok {
		branch := "else"
		if isValid(condition, value) {
			branch = "then"
		}
		validate(member(rules, branch, true), value, path, found)
	}
}

// validateParts looks at what is in an array or object.
func validateParts(rules object, value any, path string, found *[]violation) {
	switch value := value.(type) {
	case array:
		wanted := member(rules, "items", true)
		for i, item := range value {
			validate(wanted, item, fmt.Sprintf("%s[%d]", path, i), found)
		}
	case object:
		known, _ := rules["properties"].(object)
		others := member(rules, "additionalProperties", true)
		for _, name := range sortedNames(value) {
			validate(member(known, name, others), value[name], path+"."+name, found)
		}
	}
}

// breaks says whether value breaks a rule that is about itself, not about what is in it.
func breaks(word string, wanted, value any) bool {
	switch word {
	case "type":
		return !hasType(value, wanted)
	case "enum":
		return !contains(listOf(wanted), value)
	case "const":
		return !equal(value, wanted)
	case "anyOf":
		return fitting(listOf(wanted), value) == 0
	case "oneOf":
		return fitting(listOf(wanted), value) != 1
	case "not":
		return isValid(wanted, value)
	}
	return breaksLimit(word, wanted, value)
}

func breaksLimit(word string, wanted, value any) bool {
	switch value := value.(type) {
	case json.Number:
		return breaksBound(word, wanted, float(value))
	case string:
		return breaksText(word, wanted, value)
	case array:
		if word == "uniqueItems" {
			return wanted == true && hasTwice(value)
		}
		return breaksSize(word, "minItems", "maxItems", wanted, len(value))
	case object:
		return breaksSize(word, "minProperties", "maxProperties", wanted, len(value))
	}
	return false
}

func hasType(value, wanted any) bool {
	for _, name := range listOf(wanted) {
		if hasType(value, name) {
			return true
		}
	}
	switch wanted {
	case "null":
		return value == nil
	case "boolean":
		return isBool(value)
	case "number":
		return isNumber(value)
	case "integer":
		number, ok := value.(json.Number)
		return ok && float(number) == math.Trunc(float(number))
	case "string":
		return isString(value)
	case "array":
		return isArray(value)
	case "object":
		return isObject(value)
	}
	return false
}

// missingMembers are the names that an object has no member of.
func missingMembers(value, names any) []string {
	members, ok := value.(object)
	if !ok {
		return nil
	}
	var missing []string
	for _, name := range texts(names) {
		if _, there := members[name]; !there {
			missing = append(missing, name)
		}
	}
	return missing
}

func fitting(schemas array, value any) int {
	count := 0
	for _, schema := range schemas {
		if isValid(schema, value) {
			count++
		}
	}
	return count
}

func breaksBound(word string, wanted any, number float64) bool {
	limit, ok := wanted.(json.Number)
	if !ok {
		return false
	}
	switch bound := float(limit); word {
	case "minimum":
		return number < bound
	case "maximum":
		return number > bound
	case "exclusiveMinimum":
		return number <= bound
	case "exclusiveMaximum":
		return number >= bound
	case "multipleOf":
		return math.Mod(number, bound) != 0
	}
	return false
}

// patterns of registered schemas, compiled: making one costs more than using it.
var patterns sync.Map

func breaksText(word string, wanted any, text string) bool {
	switch word {
	case "pattern":
		pattern, known := patterns.Load(wanted)
		if !known {
			source, _ := wanted.(string)
			compiled, err := regexp.Compile(source)
			if err != nil {
				return true
			}
			pattern, _ = patterns.LoadOrStore(wanted, compiled)
		}
		return !pattern.(*regexp.Regexp).MatchString(text)
	case "format":
		format, _ := wanted.(string)
		return !isOfFormat(text, format)
	}
	return breaksSize(word, "minLength", "maxLength", wanted, utf8.RuneCountInString(text))
}

func hasTwice(items array) bool {
	for i := range items {
		if contains(items[:i], items[i]) {
			return true
		}
	}
	return false
}

func breaksSize(word, least, most string, wanted any, size int) bool {
	bound, ok := wanted.(json.Number)
	return ok && (word == least && float64(size) < float(bound) || word == most && float64(size) > float(bound))
}

func listOf(value any) array {
	list, _ := value.(array)
	return list
}
