//! The committed JSON Schema: it is what the program prints, and real output satisfies it.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::documents::run;
use super::population::{COMMANDS, population};
use crate::kit::run::Run;
use crate::kit::{Result, Trial, plain_trial, trial};

const PATH: &str = "docs/schema.json";

pub fn trials() -> Vec<Trial> {
    vec![
        plain_trial("schema::is_committed", is_committed),
        trial("schema::holds_for_real_output", holds_for_real_output),
        trial("schema::holds_for_an_empty_namespace", holds_for_nothing),
        trial("schema::tells_wrong_documents", tells_wrong_documents),
    ]
}

fn committed() -> Result<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(PATH);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn is_committed() -> Result<()> {
    let printed = Run::new(["schema"]).run()?.ok()?.stdout;
    ensure!(
        committed()? == printed,
        "{PATH} is not what the program prints; if the change is meant and only adds to the \
         shapes: cargo run -- schema > {PATH}"
    );
    Ok(())
}

fn validator() -> Result<Validator> {
    let schema: Value = serde_json::from_str(&committed()?)?;
    Ok(jsonschema::draft202012::new(&schema)?)
}

/// Fails with all that is wrong about a document.
fn is_valid(validator: &Validator, document: &Value) -> Result<()> {
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    ensure!(errors.is_empty(), "{}", errors.join("\n"));
    Ok(())
}

fn holds_for_real_output() -> Result<()> {
    let _population = population()?;
    let validator = validator()?;
    for command in COMMANDS {
        let document = run(command, |run| run)?.json()?;
        is_valid(&validator, &document).with_context(|| (*command).to_owned())?;
        let hidden = run(command, Run::without_capabilities)?.json()?;
        is_valid(&validator, &hidden).with_context(|| format!("{command}, owners hidden"))?;
    }
    Ok(())
}

fn holds_for_nothing() -> Result<()> {
    let validator = validator()?;
    for command in COMMANDS {
        let document = run(command, |run| run)?.json()?;
        is_valid(&validator, &document).with_context(|| (*command).to_owned())?;
    }
    Ok(())
}

/// A schema that allows everything would hold, too.
fn tells_wrong_documents() -> Result<()> {
    let _population = population()?;
    let validator = validator()?;
    let right = run("list -ta", |run| run)?.json()?;
    is_valid(&validator, &right)?;
    let wrong: [(&str, Value); 7] = [
        ("/schema", json!("sockstate.sockets/2")),
        ("/taken_at", json!(1_763_625_600)),
        ("/sockets", json!({})),
        ("/sockets/0/inode", json!("12")),
        ("/sockets/0/state", Value::Null),
        ("/sockets/0/local", json!("127.0.0.1:80")),
        ("/gaps", json!([{"what": "tcp"}])),
    ];
    for (place, value) in wrong {
        let mut document = right.clone();
        *document.pointer_mut(place).with_context(|| place.to_owned())? = value;
        ensure!(is_valid(&validator, &document).is_err(), "{place} may be anything");
    }
    for (object, member) in [("", "gaps"), ("", "source"), ("/sockets/0", "standing")] {
        let mut document = right.clone();
        let object = document.pointer_mut(object).and_then(Value::as_object_mut);
        object.context("no object")?.remove(member).with_context(|| member.to_owned())?;
        ensure!(is_valid(&validator, &document).is_err(), "{member} may be absent");
    }
    Ok(())
}
