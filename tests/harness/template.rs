//! `infra/template.yaml` as JSON: a tag such as `!GetAtt A.Arn` becomes its long form
//! `{"Fn::GetAtt": "A.Arn"}`.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use serde_saphyr::Tagged;
use std::fmt;
use std::path::Path;

/// As it is in the file.
pub fn text() -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
    std::fs::read_to_string(place).unwrap()
}

fn read(text: &str) -> Value {
    let node: Tagged<Node> = serde_saphyr::from_str(text).unwrap();
    long_form(node)
}

enum Node {
    Scalar(Value),
    List(Vec<Tagged<Self>>),
    Table(Vec<(String, Tagged<Self>)>),
}

fn long_form(Tagged(node, tag): Tagged<Node>) -> Value {
    let value = match node {
        Node::Scalar(value) => value,
        Node::List(list) => list.into_iter().map(long_form).collect(),
        Node::Table(table) => {
            let entries = table.into_iter();
            Value::Object(entries.map(|(key, node)| (key, long_form(node))).collect())
        }
    };
    match tag.as_deref().and_then(|tag| tag.strip_prefix('!')) {
        None | Some("") => value,
        Some(_) if tag.as_deref().is_some_and(|tag| tag.contains("yaml.org")) => value,
        Some(name @ ("Ref" | "Condition")) => json!({ name: value }),
        Some(name) => json!({ format!("Fn::{name}"): value }),
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything in YAML")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element()? {
            list.push(entry);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut table = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            table.push(entry);
        }
        Ok(Node::Table(table))
    }
}

/// The template with what checks ask of it again and again.
pub struct Template(Value);

pub struct Resource<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    /// With `DeletionPolicy` and its like.
    pub whole: &'a Value,
    pub properties: &'a Value,
}

impl Template {
    pub fn read(text: &str) -> Self {
        Self(read(text))
    }

    /// The one that is deployed.
    pub fn ours() -> Self {
        Self::read(&text())
    }

    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        let all = self.0["Resources"].as_object().unwrap();
        all.iter().map(|(id, whole)| Resource {
            id,
            kind: whole["Type"].as_str().unwrap(),
            whole,
            properties: &whole["Properties"],
        })
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Resource<'a>> {
        self.resources()
            .filter(move |resource| resource.kind == kind)
    }

    pub fn get(&self, id: &str) -> Option<Resource<'_>> {
        self.resources().find(|resource| resource.id == id)
    }

    /// The logical id that an output refers to.
    pub fn output(&self, name: &str) -> Option<&str> {
        names(&self.0["Outputs"][name]["Value"])
    }

    /// That a parameter may be.
    pub fn least(&self, parameter: &str) -> Option<u64> {
        self.0["Parameters"][parameter]["MinValue"].as_u64()
    }

    /// Of a function; what `Globals` says counts where it says nothing itself.
    pub fn of_function<'a>(&'a self, function: &Resource<'a>, property: &str) -> &'a Value {
        let own = &function.properties[property];
        if own.is_null() {
            return &self.0["Globals"]["Function"][property];
        }
        own
    }
}

/// The logical id in `!Ref id`, `!GetAtt id.Attribute`.
pub fn names(value: &Value) -> Option<&str> {
    let named = value.get("Ref").or_else(|| value.get("Fn::GetAtt"))?;
    named.as_str()?.split('.').next()
}

/// One or a list of them, as policies allow.
pub fn each(value: &Value) -> Vec<&Value> {
    if value.is_null() {
        return Vec::new();
    }
    value
        .as_array()
        .map_or_else(|| vec![value], |list| list.iter().collect())
}

/// Every table in it, however deep.
pub fn tables(value: &Value) -> Vec<&Map<String, Value>> {
    let mut found = Vec::new();
    match value {
        Value::Object(table) => {
            found.push(table);
            found.extend(table.values().flat_map(tables));
        }
        Value::Array(list) => found.extend(list.iter().flat_map(tables)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}
