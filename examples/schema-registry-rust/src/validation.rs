//! Documents against schemas.

use crate::formats::is_of_format;
use crate::json::Value;
use crate::pattern;

const MOST_ERRORS: usize = 20;

/// What is wrong with a document at `path`.
pub struct Violation {
    pub path: String,
    pub message: String,
}

/// What is wrong with `document`, at most `MOST_ERRORS` things; empty: nothing. `schema` is self-contained.
pub fn validate_document(schema: &Value, document: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    validate(schema, document, "$", &mut found);
    found
}

fn is_valid(schema: &Value, value: &Value) -> bool {
    validate_document(schema, value).is_empty()
}

fn validate(schema: &Value, value: &Value, path: &str, found: &mut Vec<Violation>) {
    let mut problem = |message: &str| {
        if found.len() < MOST_ERRORS {
            let message = format!("{} {message}", value.to_json());
            found.push(Violation { path: path.into(), message: message.chars().take(200).collect() });
        }
    };
    if *schema == Value::Bool(false) {
        problem("is not allowed here");
    }
    for (word, wanted) in schema.members() {
        if word == "required" {
            missing_members(value, wanted).for_each(|name| problem(&format!("lacks the required {name:?}")));
        } else if breaks(word, wanted, value) {
            problem(&format!("breaks {word}: {}", wanted.to_json()));
        }
    }
    match value {
        Value::Object(members) => validate_members(schema, members, path, found),
        Value::Array(items) => {
            let Some(wanted) = schema.get("items") else { return };
            for (i, item) in items.iter().enumerate() {
                validate(wanted, item, &format!("{path}[{i}]"), found);
            }
        }
        _ => {}
    }
    for part in schema.get("allOf").map_or(&[][..], Value::items) {
        validate(part, value, path, found);
    }
    if let Some(condition) = schema.get("if") {
        let branch = if is_valid(condition, value) { "then" } else { "else" };
        if let Some(branch) = schema.get(branch) {
            validate(branch, value, path, found);
        }
    }
}

fn validate_members(schema: &Value, members: &[(String, Value)], path: &str, found: &mut Vec<Violation>) {
    let properties = schema.get("properties");
    for (name, value) in members {
        let wanted = properties.and_then(|p| p.get(name)).or_else(|| schema.get("additionalProperties"));
        if let Some(wanted) = wanted {
            validate(wanted, value, &format!("{path}.{name}"), found);
        }
    }
}

/// Whether `value` breaks a rule that is about itself, not about what is in it.
fn breaks(word: &str, wanted: &Value, value: &Value) -> bool {
    match word {
        "type" => !has_type(value, wanted),
        "enum" => !wanted.items().contains(value),
        "const" => value != wanted,
        "anyOf" => !wanted.items().iter().any(|schema| is_valid(schema, value)),
        "oneOf" => wanted.items().iter().filter(|schema| is_valid(schema, value)).count() != 1,
        "not" => is_valid(wanted, value),
        _ => match value {
            Value::Number(_) => breaks_bound(word, wanted, value),
            Value::String(text) => breaks_text(word, wanted, text),
            Value::Array(items) => breaks_list(word, wanted, items),
            Value::Object(members) => {
                breaks_size(word, "minProperties", "maxProperties", wanted, members.len())
            }
            _ => false,
        },
    }
}

fn has_type(value: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Array(names) => names.iter().any(|name| has_type(value, name)),
        _ => match (wanted.as_str().unwrap_or(""), value) {
            ("null", Value::Null) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => true,
            ("string", Value::String(_)) | ("array", Value::Array(_)) | ("object", Value::Object(_)) => true,
            ("integer", Value::Number(_)) => value.as_number().is_some_and(|number| number.fract() == 0.0),
            _ => false,
        },
    }
}

/// The names that an object has no member of.
fn missing_members<'a>(value: &'a Value, names: &'a Value) -> impl Iterator<Item = &'a str> {
    let names = if matches!(value, Value::Object(_)) { names.items() } else { &[] };
    names.iter().filter_map(Value::as_str).filter(|name| value.get(name).is_none())
}

fn breaks_bound(word: &str, wanted: &Value, value: &Value) -> bool {
    let (Some(number), Some(bound)) = (value.as_number(), wanted.as_number()) else { return false };
    match word {
        "minimum" => number < bound,
        "maximum" => number > bound,
        "exclusiveMinimum" => number <= bound,
        "exclusiveMaximum" => number >= bound,
        "multipleOf" => (number / bound).fract() != 0.0,
        _ => false,
    }
}

fn breaks_text(word: &str, wanted: &Value, text: &str) -> bool {
    match word {
        "pattern" => !wanted.as_str().is_some_and(|pattern| pattern::matches(pattern, text)),
        "format" => !wanted.as_str().is_some_and(|format| is_of_format(text, format)),
        _ => breaks_size(word, "minLength", "maxLength", wanted, text.chars().count()),
    }
}

fn breaks_list(word: &str, wanted: &Value, items: &[Value]) -> bool {
    if word == "uniqueItems" {
        return *wanted == Value::Bool(true) && (1..items.len()).any(|i| items[..i].contains(&items[i]));
    }
    breaks_size(word, "minItems", "maxItems", wanted, items.len())
}

fn breaks_size(word: &str, least: &str, most: &str, wanted: &Value, size: usize) -> bool {
    let Some(bound) = wanted.as_number() else { return false };
    (word == least && (size as f64) < bound) || (word == most && (size as f64) > bound)
}
