//! Every view of a small machine that is always the same.

use super::population::machine;
use super::transcript::Transcript;
use crate::kit::plain_trial;
use crate::kit::run::Run;
use crate::kit::{Result, Trial};

/// A transcript: its name and the arguments of its commands.
type View = (&'static str, &'static [&'static str]);

const VIEWS: &[View] = &[
    (
        "list",
        &[
            "list",
            "list -a",
            "list -tan",
            "list -tanH",
            "list -ta4",
            "list -ta6",
            "list -tl",
            "list -l",
            "list -ua",
            "list -xa",
            "list -w",
            "list -tao",
            "list -tae",
            "list -tap",
            "list -uap",
            "list -taim",
            "list -4x",
            "list -taQ",
            "list -aA tcp,u_dgr",
            "list -f inet6 -f unix",
        ],
    ),
    (
        "list-states",
        &[
            "list -t state established",
            "list state CLOSE_WAIT",
            "list -t state fin-wait-1 state timewait",
            "list -t state connected exclude estab",
            "list -t state synchronized exclude close-wait exclude time_wait",
            "list -t state bucket",
            "list -t state big",
            "list -t state all",
            "list -t exclude established",
            "list -t STATE Listening",
            "list -u state unconn",
            "list -t state bound",
            "list -l state time-wait -t",
        ],
    ),
    (
        "list-sort",
        &[
            "list -ta --sort recvq",
            "list -ta --sort -recvq",
            "list -ta --sort=-recvq --limit 3",
            "list -ta --limit 2",
            "list -a --limit 0",
            "list -t state time-wait --sort age",
            "list -t state time-wait --sort -age",
            "list -ta --sort timer",
            "list -ta --sort -timer",
            "list -ta --sort remote",
            "list -ta --sort -local-port",
            "list -ta --sort process -p",
            "list -ta --sort -uid -e",
            "list -a --sort path",
            "list -ua --sort -drops",
            "list -ta --sort state",
        ],
    ),
    (
        "count",
        &[
            "count",
            "count -H",
            "count --by state state close-wait",
            "count --by process",
            "count --by user",
            "count --by local-port",
            "count --by remote",
            "count --by remote-port",
            "count --by family",
            "count --by cgroup",
            "count --by unit",
            "count --by netns",
            "count -tux --by family,state",
            "count --by process,state exclude established",
            "count --by state,state",
            "count -x",
        ],
    ),
    ("listeners", &["listeners", "listeners -H", "listeners -x", "listeners -tx", "listeners -4"]),
    ("status", &["", "status", "status -t4"]),
    (
        "json",
        &[
            "list -tap --json",
            "list -uxam --json",
            "count --json",
            "count --by process,remote --json",
            "listeners -tx --json",
            "status --json",
        ],
    ),
];

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = Vec::new();
    for (name, commands) in VIEWS {
        trials.push(plain_trial(format!("views::{name}"), move || view(name, commands)));
    }
    trials.push(plain_trial("views::ss_letters", ss_letters));
    trials
}

fn view(name: &str, commands: &[&str]) -> Result<()> {
    let proc = machine()?;
    let mut transcript = Transcript::default();
    for command in commands {
        let args: Vec<&str> = command.split_whitespace().collect();
        transcript.run_with(&proc, &args)?;
    }
    transcript.check(name)
}

/// Letters in any order, together or alone, before or behind the command.
fn ss_letters() -> Result<()> {
    let proc = machine()?;
    let root = proc.root();
    let said = |args: &[&str]| -> Result<String> {
        let place = ["--source", "proc", "--proc-root", &root];
        Ok(Run::new(args.iter().copied().chain(place)).run()?.ok()?.stdout)
    };
    let expected = said(&["list", "-t", "-a", "-n", "-p", "-o", "-e", "-H"])?;
    for args in [&["list", "-tanpoeH"][..], &["-tan", "list", "-poeH"], &["-Hpant", "list", "-eo"]]
    {
        anyhow::ensure!(said(args)? == expected, "{args:?}");
    }
    let numeric = said(&["list", "-ta", "-r", "-n"])?;
    anyhow::ensure!(numeric == said(&["list", "-ta"])?, "the last of -r and -n counts");
    Ok(())
}
