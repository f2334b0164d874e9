//! Backward compatibility: whoever reads with the new schema can read everything that was written with the old one.
//!
//! Both schemas are self-contained. What cannot be compared keyword by keyword (`anyOf`, `not`, …) must stay as it
//! is.

use std::collections::BTreeSet;

use crate::json::Value;
use crate::schemas::TYPES;

/// Keyword and whether a larger value accepts less.
const BOUNDS: [(&str, bool); 10] = [
    ("minimum", true),
    ("exclusiveMinimum", true),
    ("minLength", true),
    ("minItems", true),
    ("minProperties", true),
    ("maximum", false),
    ("exclusiveMaximum", false),
    ("maxLength", false),
    ("maxItems", false),
    ("maxProperties", false),
];
#[rustfmt::skip]
const FIXED: [&str; 10] = [
    "pattern", "format", "multipleOf", "uniqueItems", "const", "anyOf", "oneOf", "allOf", "not", "if",
];
const ANYTHING: &Value = &Value::Bool(true);

/// One sentence for each thing that `old` accepts at `path` and `new` may not; empty: compatible.
pub fn incompatibilities(old: &Value, new: &Value, path: &str) -> Vec<String> {
    let accepts_all = matches!(new, Value::Bool(true)) || matches!(new, Value::Object(m) if m.is_empty());
    if accepts_all || new == old {
        return Vec::new();
    }
    if !matches!((old, new), (Value::Object(_), Value::Object(_))) {
        return vec![format!("{path}: {} became {}", old.to_json(), new.to_json())];
    }
    let mut found = narrowed_types(old, new, path);
    found.extend(narrowed_values(old, new, path));
    found.extend(narrowed_object(old, new, path));
    found.extend(narrowed_items(old, new, path));
    found
}

fn accepted_types(schema: &Value) -> BTreeSet<&str> {
    let mut types: BTreeSet<&str> = match schema.get("type") {
        None => TYPES.into(),
        Some(Value::String(name)) => [name.as_str()].into(),
        Some(names) => names.items().iter().filter_map(Value::as_str).collect(),
    };
    if types.contains("number") {
        types.insert("integer");
    }
    types
}

fn narrowed_types(old: &Value, new: &Value, path: &str) -> Vec<String> {
    let (before, now) = (accepted_types(old), accepted_types(new));
    let lost: Vec<&str> = before.difference(&now).copied().collect();
    if lost.is_empty() {
        return Vec::new();
    }
    vec![format!("{path}: no longer accepts {}", lost.join(", "))]
}

fn narrowed_values(old: &Value, new: &Value, path: &str) -> Vec<String> {
    let mut found: Vec<String> = narrowed_enum(old, new, path).into_iter().collect();
    for (bound, larger_is_less) in BOUNDS {
        let Some(now) = new.get(bound) else { continue };
        let before = old.get(bound);
        let (was, is) = (before.and_then(Value::as_number), now.as_number());
        if before.is_none() || (if larger_is_less { is > was } else { is < was }) {
            let was = before.map_or("unlimited".into(), Value::to_json);
            found.push(format!("{path}: {bound} went from {was} to {}", now.to_json()));
        }
    }
    let changed = FIXED.iter().filter(|word| new.get(word).is_some() && new.get(word) != old.get(word));
    found.extend(changed.map(|word| format!("{path}: {word} changed")));
    found
}

fn narrowed_enum(old: &Value, new: &Value, path: &str) -> Option<String> {
    let now = new.get("enum")?.items();
    let lost = match old.get("enum") {
        None => vec!["any other value".to_string()],
        Some(before) => before.items().iter().filter(|v| !now.contains(v)).map(plain).collect(),
    };
    (!lost.is_empty()).then(|| format!("{path}: enum no longer has {}", lost.join(", ")))
}

/// A value in a sentence: text without its quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_string)
}

fn narrowed_object(old: &Value, new: &Value, path: &str) -> Vec<String> {
    let (old_properties, new_properties) = (old.get("properties"), new.get("properties"));
    let new_property = |name: &str| new_properties.and_then(|p| p.get(name));
    let mut found: Vec<String> = newly_required(old, new)
        .into_iter()
        .filter(|name| new_property(name).and_then(|p| p.get("default")).is_none())
        .map(|name| format!("{path}.{name}: became required"))
        .collect();
    let open_before = old.get("additionalProperties").unwrap_or(ANYTHING);
    let open_now = new.get("additionalProperties").unwrap_or(ANYTHING);
    if *open_before != Value::Bool(false) {
        found.extend(incompatibilities(open_before, open_now, &format!("{path}.*")));
    }
    for (name, schema) in old_properties.map_or(&[][..], Value::members) {
        match new_property(name) {
            Some(now) => found.extend(incompatibilities(schema, now, &format!("{path}.{name}"))),
            None if open_now == ANYTHING => {}
            None => found.push(format!("{path}.{name}: was removed, and no other properties are allowed")),
        }
    }
    found
}

fn newly_required<'a>(old: &'a Value, new: &'a Value) -> BTreeSet<&'a str> {
    let required = |schema: &'a Value| -> BTreeSet<&'a str> {
        schema.get("required").map_or(&[][..], Value::items).iter().filter_map(Value::as_str).collect()
    };
    &required(new) - &required(old)
}

fn narrowed_items(old: &Value, new: &Value, path: &str) -> Vec<String> {
    let (before, now) = (old.get("items").unwrap_or(ANYTHING), new.get("items").unwrap_or(ANYTHING));
    incompatibilities(before, now, &format!("{path}[]"))
}
