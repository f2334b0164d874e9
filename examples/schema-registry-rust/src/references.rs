//! Schemas as clients want them: self-contained, without a resolver.

use crate::json::Value;
use crate::json_parser::MAX_DEPTH;

const PREFIX: &str = "#/$defs/";
/// A schema whose definitions double each other would fill the memory.
const MAX_NODES: usize = 100_000;

/// `schema` without `$defs`, and with what each reference refers to in its place. The error says which reference
/// cannot be replaced, and why.
pub fn self_contained(schema: &Value) -> Result<Value, String> {
    let Value::Object(members) = schema else { return Ok(schema.clone()) };
    let body = members.iter().filter(|(name, _)| name != "$defs").cloned().collect();
    let mut expansion =
        Expansion { definitions: schema.get("$defs"), within: Vec::new(), depth: 0, nodes: 0 };
    expansion.expand_references(&Value::Object(body))
}

struct Expansion<'a> {
    definitions: Option<&'a Value>,
    /// The definitions that the node at hand is a part of.
    within: Vec<String>,
    depth: usize,
    nodes: usize,
}

impl Expansion<'_> {
    /// A copy of `node` with references replaced.
    fn expand_references(&mut self, node: &Value) -> Result<Value, String> {
        self.nodes += 1;
        if self.depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err("too large or too deep with its references replaced".into());
        }
        self.depth += 1;
        let expanded = match node {
            Value::Array(items) => {
                let items: Result<_, _> = items.iter().map(|item| self.expand_references(item)).collect();
                Value::Array(items?)
            }
            Value::Object(members) => match node.get("$ref").and_then(Value::as_str) {
                Some(reference) => self.referred_to(reference)?,
                None => Value::Object(self.expand_members(members)?),
            },
            _ => node.clone(),
        };
        self.depth -= 1;
        Ok(expanded)
    }

    fn expand_members(&mut self, members: &[(String, Value)]) -> Result<Vec<(String, Value)>, String> {
        members.iter().map(|(name, value)| Ok((name.clone(), self.expand_references(value)?))).collect()
    }

    fn referred_to(&mut self, reference: &str) -> Result<Value, String> {
        let definitions = self.definitions;
        let name = reference.strip_prefix(PREFIX).unwrap_or(reference);
        let definition =
            definitions.and_then(|d| d.get(name)).ok_or_else(|| format!("{reference} is not defined"))?;
        if self.within.iter().any(|outer| outer == name) {
            return Err(format!("{reference} refers to itself"));
        }
        self.within.push(name.into());
        let expanded = self.expand_references(definition)?;
        self.within.pop();
        Ok(expanded)
    }
}
