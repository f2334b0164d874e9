//! What is a JSON schema, as far as this registry knows its keywords; others are kept and not looked at.

use crate::json::Value;
use crate::pattern;

pub const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
const COUNTS: [&str; 6] =
    ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"];
const NUMBERS: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const SCHEMAS: [&str; 6] = ["items", "additionalProperties", "not", "if", "then", "else"];
const LISTS_OF_SCHEMAS: [&str; 3] = ["anyOf", "oneOf", "allOf"];
const MAPS_OF_SCHEMAS: [&str; 2] = ["properties", "$defs"];

/// Where and why `schema` is none, if it is none.
pub fn check_schema(schema: &Value, path: &str) -> Result<(), String> {
    match schema {
        Value::Bool(_) => Ok(()),
        Value::Object(members) => {
            members.iter().try_for_each(|(word, value)| check_keyword(word, value, path))
        }
        _ => Err(format!("{path}: {} is neither an object nor a boolean", schema.to_json())),
    }
}

fn check_keyword(word: &str, value: &Value, path: &str) -> Result<(), String> {
    let here = format!("{path}.{word}");
    let check = |right: bool, what: &str| {
        if right {
            Ok(())
        } else {
            Err(format!("{here}: {} is not {what}", value.to_json()))
        }
    };
    match word {
        "type" => check(is_type(value), "a type, or a list of types"),
        "enum" => check(matches!(value, Value::Array(_)), "a list"),
        "required" => check(is_list_of_names(value), "a list of names"),
        "pattern" => {
            check(value.as_str().is_some_and(pattern::is_pattern), "a pattern that is understood here")
        }
        "format" | "$ref" => check(value.as_str().is_some(), "a string"),
        "uniqueItems" => check(matches!(value, Value::Bool(_)), "a boolean"),
        _ if COUNTS.contains(&word) => check(is_count(value), "a number of things"),
        _ if NUMBERS.contains(&word) => check(value.as_number().is_some(), "a number"),
        _ if SCHEMAS.contains(&word) => check_schema(value, &here),
        _ if LISTS_OF_SCHEMAS.contains(&word) => {
            check(!value.items().is_empty(), "a list of schemas")?;
            let mut items = value.items().iter().enumerate();
            items.try_for_each(|(i, schema)| check_schema(schema, &format!("{here}[{i}]")))
        }
        _ if MAPS_OF_SCHEMAS.contains(&word) => {
            check(matches!(value, Value::Object(_)), "an object")?;
            value.members().iter().try_for_each(|(name, s)| check_schema(s, &format!("{here}.{name}")))
        }
        _ => Ok(()),
    }
}

fn is_type(value: &Value) -> bool {
    let known = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
    known(value) || (!value.items().is_empty() && value.items().iter().all(known))
}

fn is_list_of_names(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.iter().all(|item| item.as_str().is_some()))
}

fn is_count(value: &Value) -> bool {
    value.as_number().is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
}
