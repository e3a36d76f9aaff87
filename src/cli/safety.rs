//! Refusals, because this program may have rights that its caller has not.

use std::path::Path;

use crate::sys::rights;

use super::error::Error;
use super::flags::{Cli, Command};

/// Refuses what would act on other processes than those that are shown, or lend
/// rights to a directory that the caller made.
///
/// # Errors
/// Says which flags do not go together.
pub fn check(cli: &Cli) -> Result<(), Error> {
    check_with(cli, rights::are_lent())
}

fn check_with(cli: &Cli, rights_are_lent: bool) -> Result<(), Error> {
    if cli.shared.proc_root == Path::new(rights::PROC) {
        return Ok(());
    }
    if rights_are_lent {
        return Err(Error::Usage(
            "--proc-root is refused: this program has rights of its own (set-user-id or file \
             capabilities), which are not for a directory of yours"
                .into(),
        ));
    }
    let acts = match &cli.command {
        Some(Command::List(flags)) if flags.kill => "--kill",
        Some(Command::Watch(flags)) if flags.allow_actions => "--allow-actions",
        _ => return Ok(()),
    };
    Err(Error::Usage(format!(
        "{acts} is refused with --proc-root: a number there may be another process here"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn refusal(args: &str, rights_are_lent: bool) -> Option<String> {
        let cli = Cli::try_parse_from(args.split(' ')).expect("arguments");
        match check_with(&cli, rights_are_lent) {
            Err(Error::Usage(text)) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn rights_are_not_lent_to_a_directory_of_the_caller() {
        assert!(refusal("sockstate list -p --proc-root /tmp/proc", true).is_some());
        assert!(refusal("sockstate list -p --proc-root /proc/", true).is_none());
        assert!(refusal("sockstate list -p --proc-root /tmp/proc", false).is_none());
    }

    #[test]
    fn nobody_acts_on_what_another_proc_shows() {
        for args in ["watch --allow-actions", "list -K state close-wait"] {
            let args = format!("sockstate --proc-root /host/proc {args}");
            let text = refusal(&args, false).expect("refused");
            assert!(text.contains("another process here"), "{text}");
            assert!(refusal(&args.replace("/host", ""), false).is_none());
        }
        assert!(refusal("sockstate --proc-root /host/proc watch", false).is_none());
    }
}
