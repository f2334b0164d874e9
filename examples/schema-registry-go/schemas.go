package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
)

var types = []string{"null", "boolean", "integer", "number", "string", "array", "object"}

// checks say what the value of a keyword has to be; keywords that are not here are kept and not looked at.
var checks = map[string]struct {
	isRight func(any) bool
	what    string
}{
	"type":             {isType, "a type, or a list of types"},
	"enum":             {isArray, "a list"},
	"required":         {isListOfNames, "a list of names"},
	"pattern":          {isPattern, "a pattern"},
	"format":           {isString, "a string"},
	"$ref":             {isString, "a string"},
	"uniqueItems":      {isBool, "a boolean"},
	"minLength":        {isCount, "a number of things"},
	"maxLength":        {isCount, "a number of things"},
	"minItems":         {isCount, "a number of things"},
	"maxItems":         {isCount, "a number of things"},
	"minProperties":    {isCount, "a number of things"},
	"maxProperties":    {isCount, "a number of things"},
	"minimum":          {isNumber, "a number"},
	"maximum":          {isNumber, "a number"},
	"exclusiveMinimum": {isNumber, "a number"},
	"exclusiveMaximum": {isNumber, "a number"},
	"multipleOf":       {isNumber, "a number"},
	"anyOf":            {isFilled, "a list of schemas"},
	"oneOf":            {isFilled, "a list of schemas"},
	"allOf":            {isFilled, "a list of schemas"},
	"properties":       {isObject, "an object"},
	"$defs":            {isObject, "an object"},
}

// checkSchema says where and why the value is no JSON schema, if it is none.
func checkSchema(schema any, path string) error {
	members, ok := schema.(object)
	if !ok {
		if isBool(schema) {
			return nil
		}
		return fmt.Errorf("%s: %s is neither an object nor a boolean", path, encode(schema))
	}
	for _, word := range sortedNames(members) {
		if err := checkKeyword(word, members[word], path+"."+word); err != nil {
			return err
		}
	}
	return nil
}

func checkKeyword(word string, value any, path string) error {
	if check, known := checks[word]; known && !check.isRight(value) {
		return fmt.Errorf("%s: %s is not %s", path, encode(value), check.what)
	}
	switch word {
	case "items", "additionalProperties", "not", "if", "then", "else":
		return checkSchema(value, path)
	case "anyOf", "oneOf", "allOf":
		for i, part := range value.(array) {
			if err := checkSchema(part, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case "properties", "$defs":
		for _, name := range sortedNames(value.(object)) {
			if err := checkSchema(value.(object)[name], path+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

func isType(value any) bool {
	if names, ok := value.(array); ok {
		for _, name := range names {
			if _, isList := name.(array); isList || !isType(name) {
				return false
			}
		}
		return len(names) > 0
	}
	for _, name := range types {
		if value == name {
			return true
		}
	}
	return false
}

func isListOfNames(value any) bool {
	list, ok := value.(array)
	return ok && len(texts(list)) == len(list)
}

func isPattern(value any) bool {
	text, ok := value.(string)
	if !ok {
		return false
	}
	_, err := regexp.Compile(text)
	return err == nil
}

func isCount(value any) bool {
	number, ok := value.(json.Number)
	return ok && float(number) >= 0 && float(number) == math.Trunc(float(number))
}

func isFilled(value any) bool { list, _ := value.(array); return len(list) > 0 }
func isArray(value any) bool  { _, ok := value.(array); return ok }
func isObject(value any) bool { _, ok := value.(object); return ok }
func isString(value any) bool { _, ok := value.(string); return ok }
func isNumber(value any) bool { _, ok := value.(json.Number); return ok }
func isBool(value any) bool   { _, ok := value.(bool); return ok }
