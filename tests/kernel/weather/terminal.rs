//! Terminals as they come: narrow, dumb, without colour, or none at all.

use anyhow::ensure;

use super::VIEWS;
use crate::kit::listeners::full_accept_queue;
use crate::kit::run::{Output, Run};
use crate::kit::states::{self, Family, Held, Unread};
use crate::kit::{Check, Result, Trial, listeners, trial};

pub fn trials() -> Vec<Trial> {
    let checks: [Check; 5] = [
        ("any_width", any_width),
        ("colour_only_where_it_is_wanted", colour_only_where_it_is_wanted),
        ("colour_is_not_the_only_carrier", colour_is_not_the_only_carrier),
        ("any_language", any_language),
        ("json_has_no_colour", json_has_no_colour),
    ];
    let of_check = |(name, check)| trial(format!("terminal::{name}"), check);
    checks.map(of_check).into()
}

/// A machine with some trouble, which takes all colours to show.
fn trouble() -> Result<(listeners::FullQueue, Vec<Held>)> {
    let held = vec![
        states::close_wait(Family::V4, Unread::Eof)?,
        states::established(Family::V6)?,
        states::syn_sent(Family::V4)?,
    ];
    Ok((full_accept_queue(Family::V4, 3, 1)?, held))
}

fn on_terminal(command: &str, size: (u16, u16), env: &[(&str, &str)]) -> Result<Output> {
    let mut run = Run::new(command.split_whitespace()).env("TERM", "xterm-256color");
    for (name, value) in env {
        run = run.env(name, value);
    }
    run.run_on_terminal(size.0, size.1)?.ok()
}

/// The words, without what differs from run to run: times, and so drops and ages, with their units;
/// and without the rules that were not judged, whose names a terminal has no lines for.
fn words(text: &str) -> Vec<String> {
    let is_unit = |word: &str| matches!(word, "ms" | "s" | "drop," | "drops,");
    let is_stable = |word: &&str| !word.contains(|c: char| c.is_ascii_digit()) && !is_unit(word);
    let judged = text.lines().filter(|line| !line.starts_with("not judged"));
    let words = judged.flat_map(str::split_whitespace);
    words.filter(is_stable).map(str::to_owned).collect()
}

/// Every row is whole on a terminal of one column, and on one that does not know its width.
fn any_width() -> Result<()> {
    let _trouble = trouble()?;
    for view in VIEWS {
        let piped = Run::new(view.split_whitespace()).run()?.ok()?;
        for size in [(1, 1), (0, 0), (7, 3), (80, 24), (u16::MAX, u16::MAX)] {
            let output = on_terminal(view, size, &[("NO_COLOR", "1")])?;
            ensure!(
                words(&output.stdout) == words(&piped.stdout),
                "{view} {size:?} {output} {piped}"
            );
            ensure!(output.stdout.ends_with('\n') && output.stderr.is_empty(), "{view} {output}");
            // Tables are not wrapped: a row is a line, however long.
            let rows = (output.stdout.lines().count(), piped.stdout.lines().count());
            ensure!(view.starts_with("status") || rows.0 == rows.1, "{view} {size:?} {output}");
        }
    }
    Ok(())
}

/// On a terminal, unless the user, the terminal or the flag says no.
fn colour_only_where_it_is_wanted() -> Result<()> {
    let _trouble = trouble()?;
    let has_colour = |output: &Output| output.stdout.contains('\x1b');
    for view in VIEWS {
        let plain = on_terminal(view, (80, 24), &[])?;
        ensure!(has_colour(&plain), "{view}: {plain}");
        let empty = on_terminal(view, (80, 24), &[("NO_COLOR", "")])?;
        ensure!(has_colour(&empty), "an empty NO_COLOR counts as none (no-color.org): {empty}");
        for env in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let output = on_terminal(view, (80, 24), &[env])?;
            ensure!(!has_colour(&output), "{view} {env:?}: {output}");
            let output = on_terminal(&format!("{view} --color always"), (80, 24), &[env])?;
            ensure!(has_colour(&output), "the flag has the last word: {output}");
        }
        let never = on_terminal(&format!("{view} --color never"), (80, 24), &[])?;
        ensure!(!has_colour(&never), "{view}: {never}");
        let piped = Run::new(view.split_whitespace()).env("TERM", "xterm").run()?.ok()?;
        ensure!(!has_colour(&piped), "{view}: {piped}");
    }
    Ok(())
}

/// Without its escape codes the text is the same as without colour.
fn colour_is_not_the_only_carrier() -> Result<()> {
    let _trouble = trouble()?;
    for view in VIEWS {
        let [colour, plain] = ["always", "never"].map(|when| {
            let args = view.split_whitespace().chain(["--color", when]);
            Run::new(args).run()?.ok()
        });
        let (colour, plain) = (colour?.stdout, plain?.stdout);
        ensure!(colour.contains('\x1b'), "{view}: {colour}");
        ensure!(words(&without_escapes(&colour)) == words(&plain), "{view}:\n{colour}\n{plain}");
    }
    Ok(())
}

/// Takes `ESC [ … m` away.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain += part.split_once('m').map_or(part, |(_, rest)| rest);
    }
    plain
}

/// Nothing depends on the locale: not the words, not the digits, not the bytes.
fn any_language() -> Result<()> {
    let _trouble = trouble()?;
    for view in ["list -ta", "count -tux", "count --by remote"] {
        let run = |locale: &str| {
            let run = Run::new(view.split_whitespace());
            run.env("LC_ALL", locale).env("LANG", locale).run()?.ok()
        };
        let expected = run("C")?.stdout;
        ensure!(expected.is_ascii(), "{expected}");
        for locale in ["", "C.UTF-8", "de_DE.UTF-8", "ja_JP.eucJP", "nonsense"] {
            ensure!(run(locale)?.stdout == expected, "{locale} {view}");
        }
    }
    Ok(())
}

fn json_has_no_colour() -> Result<()> {
    let _trouble = trouble()?;
    for view in VIEWS {
        let output = on_terminal(&format!("{view} --json --color always"), (20, 5), &[])?;
        ensure!(!output.stdout.contains('\x1b') && output.stderr.is_empty(), "{output}");
        output.json()?;
    }
    Ok(())
}
