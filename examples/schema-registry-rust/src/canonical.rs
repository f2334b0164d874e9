//! When two schemas are the same: if they accept the same documents, whatever order and words they were written in.

use std::hint::black_box;

use crate::faults::{self, Fault};
use crate::json::{write_quoted, Value};
use crate::sha256::sha256;

const ANNOTATIONS: [&str; 5] = ["$comment", "$schema", "title", "description", "examples"];
const UNORDERED: [&str; 3] = ["required", "enum", "type"];
/// How often the fault looks at each letter.
const WASTED_ROUNDS: u64 = 32;

/// What the names of an object's members are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Keywords,
    Properties,
}

/// Writes a self-contained schema as JSON with its keys in order, without annotations, and with lists that are sets
/// sorted.
#[inline(never)] // one function in every profile
pub fn canonicalise(node: &Value, names: Names, out: &mut String) {
    let start = out.len();
    match node {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                canonicalise(item, Names::Keywords, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().filter(|(name, _)| is_kept(name, names)).collect();
            members.sort_unstable_by_key(|(name, _)| name);
            out.push('{');
            for (i, (name, value)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_quoted(name, out);
                out.push(':');
                match value {
                    Value::Array(items) if names == Names::Keywords && UNORDERED.contains(&name.as_str()) => {
                        write_sorted(items, out)
                    }
                    _ if names == Names::Keywords && name == "properties" => {
                        canonicalise(value, Names::Properties, out)
                    }
                    _ => canonicalise(value, Names::Keywords, out),
                }
            }
            out.push('}');
        }
        Value::String(text) => write_quoted(text, out),
        _ => out.push_str(&node.to_json()),
    }
    if faults::on(Fault::Slow) {
        let mut sum = 0_u64;
        for round in 0..WASTED_ROUNDS {
            for letter in &out.as_bytes()[start..] {
                sum = (sum ^ u64::from(*letter)).wrapping_mul(0x0100_0000_01b3 + round);
            }
        }
        black_box(sum);
    }
}

fn is_kept(name: &str, names: Names) -> bool {
    names == Names::Properties || !ANNOTATIONS.contains(&name)
}

fn write_sorted(items: &[Value], out: &mut String) {
    let mut texts: Vec<String> = items.iter().map(canonical).collect();
    texts.sort_unstable();
    out.push('[');
    out.push_str(&texts.join(","));
    out.push(']');
}

/// The canonical form of a self-contained schema.
pub fn canonical(schema: &Value) -> String {
    let mut out = String::new();
    canonicalise(schema, Names::Keywords, &mut out);
    out
}

/// Equal for schemas that are the same.
pub fn fingerprint(schema: &Value) -> String {
    sha256(canonical(schema).as_bytes())
}
