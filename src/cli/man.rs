//! The man page: option lists from the flag definitions, the rest by hand.

use clap::CommandFactory;
use clap_mangen::Man;

use super::context::Context;
use super::error::Error;
use super::flags::Cli;

/// Sections that no definition can give.
const BY_HAND: &str = include_str!("../../man/sections.roff");

/// Writes the man page.
pub(super) fn run(context: &mut Context<'_>) -> Result<(), Error> {
    context.print(page().as_bytes())
}

/// The whole man page, as committed in man/sockstate.1.
pub fn page() -> String {
    let mut command = Cli::command();
    command.build();
    let main = Man::new(command.clone());
    // The definitions only write to memory, which cannot fail.
    let mut page = Vec::new();
    drop(main.render_title(&mut page));
    drop(main.render_name_section(&mut page));
    drop(main.render_synopsis_section(&mut page));
    drop(main.render_description_section(&mut page));
    page.extend_from_slice(b".SH COMMANDS\n");
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        commands_entry(&mut page, sub);
    }
    drop(main.render_options_section(&mut page));
    page.extend_from_slice(BY_HAND.as_bytes());
    String::from_utf8_lossy(&page).into_owned()
}

/// One command: its line of help and the options that are its own.
fn commands_entry(page: &mut Vec<u8>, command: &clap::Command) {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut text = format!(".TP\n\\fB{}\\fR\n{about}\n", command.get_name());
    for arg in command.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help")
    {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        text += &format!(".RS\n.TP\n{}\n{help}\n.RE\n", roff(&spelling(arg)));
    }
    page.extend_from_slice(text.as_bytes());
}

/// How an option is written: `-o, --options`, `--sort [-]FIELD`.
fn spelling(arg: &clap::Arg) -> String {
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let values = arg.get_value_names().unwrap_or_default();
    let value = if arg.get_action().takes_values() {
        values.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")
    } else {
        String::new()
    };
    [names.join(", "), value]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Hyphens that are part of an option must not become typographic ones.
fn roff(text: &str) -> String {
    format!("\\fB{}\\fR", text.replace('-', "\\-"))
}
