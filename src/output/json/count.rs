//! `count --json`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::answer::{self, KeyValue};
use crate::group::GroupKey;
use crate::output::out::Out;

use super::parts::{TakenJson, document};

pub(super) const SCHEMA: &str = "sockstate.count/1";

/// The document of `count --json`.
#[derive(Serialize, JsonSchema)]
pub struct CountDocument {
    /// The name of this shape.
    pub schema: &'static str,
    /// The keys that were counted by.
    pub by: Vec<&'static str>,
    /// Sockets counted. A socket that several processes hold counts once here
    /// and once in each of their groups.
    pub total: u64,
    /// By state in the order of a connection's life, otherwise largest first.
    pub groups: Vec<GroupJson>,
    /// The time and the source.
    #[serde(flatten)]
    pub taken: TakenJson,
}

/// One group.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Group")]
pub struct GroupJson {
    /// A member for each key of `by`; null where the socket has no such thing.
    pub key: Map<String, Value>,
    /// Sockets in it.
    pub count: u64,
    /// The difference from the round before; with `--interval` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
}

/// Writes a count; with a count before it, what changed since.
pub fn count(
    out: &mut Out<'_>,
    at: Timestamp,
    count: &answer::Count,
    before: Option<&answer::Count>,
) {
    let shape = |group: &answer::Group, now: u64, change: Option<i64>| GroupJson {
        key: count.keys.iter().zip(&group.values).flat_map(member).collect(),
        count: now,
        change,
    };
    let group = |group: &answer::Group| {
        shape(group, group.count, before.map(|before| count.change(group, before)))
    };
    let vanished = before.into_iter().flat_map(|before| count.vanished(before));
    let gone = vanished.map(|group| shape(group, 0, Some(-(group.count as i64))));
    let shape = CountDocument {
        schema: SCHEMA,
        by: count.keys.iter().map(|key| key.name()).collect(),
        total: count.total,
        groups: count.groups.iter().map(group).chain(gone).collect(),
        taken: TakenJson::new(at, &count.report),
    };
    document(out, &shape);
}

/// Returns a key's member; without a process a second member says why.
fn member((key, value): (&GroupKey, &KeyValue)) -> Vec<(String, Value)> {
    let value = match value {
        KeyValue::State(state) => json!(state.to_string()),
        KeyValue::Process(pid, comm) => json!({"pid": pid, "comm": comm}),
        KeyValue::HiddenProcess => return no_process(key, "hidden"),
        KeyValue::NoProcess(standing) => return no_process(key, standing.name()),
        KeyValue::User(uid, Some(name)) => json!({"uid": uid, "name": name}),
        KeyValue::User(uid, None) => json!({"uid": uid}),
        KeyValue::Port(port) => json!(port),
        KeyValue::Address(address) => json!(address.to_string()),
        KeyValue::Text(text) => json!(text),
        KeyValue::Netns(inode) => json!(inode),
        KeyValue::Family(family) => json!(family.name()),
        KeyValue::None => Value::Null,
    };
    vec![(key.name().to_owned(), value)]
}

fn no_process(key: &GroupKey, why: &str) -> Vec<(String, Value)> {
    vec![(key.name().to_owned(), Value::Null), ("standing".to_owned(), json!(why))]
}
