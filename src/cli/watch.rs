//! `watch`: the live terminal, or lines where there is none.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use crate::machine::Machine;
use crate::model::escape::escaped;
use crate::model::proto::Proto;
use crate::model::state::StateSet;
use crate::output::text;
use crate::rules::alert_filter::custom_filters;
use crate::sys::notify::Notifier;
use crate::tui::{self, Collecting, Ended, Setup, app::Fixed, keys::Keymap, tabs, theme::Theme};

use super::check::notifier;
use super::config_files;
use super::context::Context;
use super::error::Error;
use super::flags::{SharedFlags, SourceChoice, WatchFlags};
use super::transitions::{self, Chosen};
use super::{rules, select, watch_plain};

const TABLES: [Proto; 4] = [Proto::Tcp, Proto::Udp, Proto::Raw, Proto::Unix];

/// Watches until something ends it.
pub fn run(context: &mut Context<'_>, flags: &WatchFlags) -> Result<(), Error> {
    let config = rules::load(flags.rules.as_deref())?;
    let keymap = keymap(flags.config.as_deref())?;
    let notifier = notifier(flags.notify.as_deref())?;
    let machine = context.machine();
    let custom = rules::counting(&config, &context.shared, &machine)?;
    let tables = select::tables(&context.shared, &TABLES);
    let words = flags.words.all()?;
    if !is_live(context, flags) || context.shared.explain_filter {
        let chosen = Chosen::new(&context.shared, &words, &TABLES, &machine)?;
        if context.shared.explain_filter {
            return context.print(chosen.explain().as_bytes());
        }
        let watched =
            watch_plain::Plain { flags, tables, config: &config, custom: &custom, chosen };
        return watch_plain::run(context, &machine, watched, notifier);
    }
    // A filter that makes no sense is told before anything is drawn.
    let defaults = select::Defaults { protos: &TABLES, states: StateSet::ALL };
    select::selection(&context.shared, &words, defaults, &machine)?;
    let asked = select::selection(&context.shared, &[], defaults, &machine)?;
    let notifier = notifier.map(Notifier::silent);
    let custom_filters = Arc::new(custom_filters(&config));
    let collecting = Collecting {
        choice: context.choice(),
        proc_root: context.shared.proc_root.clone(),
        asked: asked.clone(),
        config,
        custom,
        events: transitions::events(context.shared.source),
        max_cpu: flags.max_cpu,
        notifier: notifier.clone(),
    };
    let term = std::env::var("TERM").ok();
    let unicode = context.unicode() && !flags.ascii;
    let theme = Theme::of_terminal(context.style.color, unicode, term.as_deref());
    let fixed = Fixed {
        want: asked.want,
        flags: flags_of(&context.shared),
        theme,
        tabs: tabs::TABS,
        keymap,
        allow_actions: flags.allow_actions,
        host: host(&machine),
        sources: String::new(),
        custom: custom_filters,
    };
    let ended = tui::run(Setup {
        collecting,
        fixed,
        interval_ms: u64::try_from(flags.interval.as_millis()).unwrap_or(u64::MAX).max(10),
        filter: words.join(" "),
        names: context.shared.resolve,
        mouse: !flags.no_mouse,
        duration: flags.duration,
    });
    // The terminal is given back: what it showed for a moment stays here.
    context.note(&text::gaps(&notifier.map(Notifier::finish).unwrap_or_default()));
    match ended {
        Ok(Ended::Quit) => Ok(()),
        Ok(Ended::Signal(status)) => Err(Error::Signal(status)),
        Err(error) => Err(Error::Failed(error.to_string())),
    }
}

/// Tells whether there is a terminal to draw on and to read keys from.
fn is_live(context: &Context<'_>, flags: &WatchFlags) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let wanted = !flags.plain && !context.shared.json && !dumb;
    wanted && context.terminal && io::stdin().is_terminal()
}

/// Returns the flags of the namespace and of the source of rows, as they were
/// given.
fn flags_of(shared: &SharedFlags) -> String {
    let namespace = shared.netns.as_ref().map(|name| format!(" -N {name}"));
    let source = match shared.source {
        // How events are told is no matter of the rows.
        SourceChoice::Auto
        | SourceChoice::Tracepoint
        | SourceChoice::Destroy
        | SourceChoice::Poll => None,
        SourceChoice::Netlink => Some(" --source netlink".to_owned()),
        SourceChoice::Proc => Some(" --source proc".to_owned()),
    };
    namespace.into_iter().chain(source).collect()
}

fn host(machine: &Machine) -> String {
    let (host, _) = machine.host();
    host.hostname.map_or_else(|| "this host".to_owned(), |name| escaped(name.as_bytes()))
}

/// The name of the file with the keys in each place.
const KEYS: &str = "sockstate/watch.toml";

/// Reads the keys of the file that counts: the one a flag names, else the user's,
/// else the system's.
fn keymap(named: Option<&Path>) -> Result<Keymap, Error> {
    let Some(file) = config_files::read(named, KEYS)? else { return Ok(tabs::usual_keys()) };
    let name = file.path.display();
    tabs::read_keys(&file.text).map_err(|why| Error::Usage(format!("{name}: {why}")))
}
