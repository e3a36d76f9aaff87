//! The JSON Schema of every document, made from their types.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value, json};

use super::check::{self, AlertEvent, CheckDocument};
use super::count::{self, CountDocument};
use super::events::{self, GapLine, SummaryLine, TransitionLine, UnknownLine};
use super::explain::{self, ExplainDocument, TopicsDocument};
use super::listeners::{self, ListenersDocument};
use super::ports::{self, PortsDocument};
use super::sockets::{self, SocketsDocument};
use super::status::{self, StatusDocument};

/// Returns the schema, as pretty JSON with a final newline.
pub fn schema() -> String {
    let mut settings = SchemaSettings::draft2020_12();
    settings.transforms.push(Box::new(RecursiveTransform(absent_not_null)));
    let mut generator = settings.into_generator();
    let documents = [
        generator.subschema_for::<SocketsDocument<'_>>(),
        generator.subschema_for::<CountDocument>(),
        generator.subschema_for::<ListenersDocument>(),
        generator.subschema_for::<PortsDocument>(),
        generator.subschema_for::<StatusDocument>(),
        generator.subschema_for::<CheckDocument>(),
        generator.subschema_for::<AlertEvent>(),
        generator.subschema_for::<TransitionLine>(),
        generator.subschema_for::<GapLine>(),
        generator.subschema_for::<ExplainDocument>(),
        generator.subschema_for::<TopicsDocument>(),
        generator.subschema_for::<SummaryLine>(),
        generator.subschema_for::<UnknownLine>(),
    ];
    let mut definitions = generator.take_definitions(true);
    pin_names(&mut definitions);
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Documents of sockstate",
        "oneOf": documents,
        "$defs": definitions,
    });
    format!("{schema:#}\n")
}

/// Takes away null: what is not known is absent here; the generator allows both.
fn absent_not_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(options)) = object.get_mut("anyOf") {
        options.retain(|option| option.get("type") != Some(&json!("null")));
        if let [only] = options.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            if let Value::Object(members) = only {
                object.extend(members);
            }
        }
    }
}

/// Pins each document's `schema` member, and each line's `type`, to its one
/// value.
fn pin_names(definitions: &mut Map<String, Value>) {
    let names = [
        ("SocketsDocument", sockets::SCHEMA),
        ("CountDocument", count::SCHEMA),
        ("ListenersDocument", listeners::SCHEMA),
        ("PortsDocument", ports::SCHEMA),
        ("StatusDocument", status::SCHEMA),
        ("CheckDocument", check::SCHEMA),
        ("AlertEvent", check::EVENT_SCHEMA),
        ("TransitionLine", events::SCHEMA),
        ("GapLine", events::SCHEMA),
        ("ExplainDocument", explain::SCHEMA),
        ("TopicsDocument", explain::TOPICS_SCHEMA),
        ("SummaryLine", events::SCHEMA),
        ("UnknownLine", events::SCHEMA),
    ];
    for (document, name) in names {
        pin(definitions, document, "/properties/schema", name);
    }
    let kinds = [
        ("TransitionLine", "transition"),
        ("GapLine", "gap"),
        ("SummaryLine", "summary"),
        ("UnknownLine", "unknown"),
    ];
    for (line, kind) in kinds {
        pin(definitions, line, "/properties/type", kind);
    }
}

fn pin(definitions: &mut Map<String, Value>, document: &str, member: &str, name: &str) {
    let member = definitions
        .get_mut(document)
        .and_then(|shape| shape.pointer_mut(member))
        .and_then(Value::as_object_mut);
    if let Some(member) = member {
        member.insert("const".to_owned(), json!(name));
    }
}
