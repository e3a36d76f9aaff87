//! `explain`: what a name means, with this machine's numbers.

use crate::answer;
use crate::explain::{self, DIAGRAM};
use crate::output::{json, text};

use super::context::Context;
use super::error::Error;
use super::flags::ExplainFlags;

/// Shows the page of a name, or the list of all pages.
pub fn run(context: &mut Context<'_>, flags: &ExplainFlags) -> Result<(), Error> {
    if flags.name.is_empty() {
        return list(context);
    }
    // `explain close wait` is understood too.
    let name = flags.name.join("-");
    let page = explain::find(&name).map_err(|unknown| {
        let nearest = unknown.nearest.join(", ");
        Error::Usage(format!(
            "nothing to explain under '{name}'; did you mean {nearest}? 'sockstate explain' lists \
             everything"
        ))
    })?;
    let is_diagram = page.name == DIAGRAM;
    let explained = answer::explain(&context.machine(), page, is_diagram);
    let picture = is_diagram.then(|| explain::diagram(explained.counts.as_ref()));
    let as_json = context.shared.json;
    let (mut out, style) = context.output();
    if as_json {
        json::explain(&mut out, &explained, picture);
    } else {
        text::explain(&mut out, style, &explained.page, picture.as_deref());
    }
    out.finish()?;
    context.footer(&explained.gaps);
    Ok(())
}

fn list(context: &mut Context<'_>) -> Result<(), Error> {
    let as_json = context.shared.json;
    let (mut out, style) = context.output();
    if as_json {
        json::topics(&mut out, explain::topics());
    } else {
        text::topics(&mut out, style, explain::topics());
    }
    Ok(out.finish()?)
}
