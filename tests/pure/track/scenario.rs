//! Plays a scenario file; its language is described in `tests/track/README.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use sockstate::testing::model::identity::Identity;
use sockstate::testing::model::moment::{Dwell, Moment, When};
use sockstate::testing::model::owner::{Holder, Owners};
use sockstate::testing::model::proto::{Proto, TableId};
use sockstate::testing::model::state::{State, StateSet};
use sockstate::testing::model::transition::{Source, Transition, TransitionKind};
use sockstate::testing::track::{Answer, Applied, Complete, ExactEvent, Question, Tracker};

use super::rows::MadeRow;

/// The file with its answers as the tracker gives them.
pub fn play(text: &str) -> String {
    let mut stage = Stage::default();
    let mut played = String::new();
    let mut lines = text.lines().filter(|line| !line.starts_with('>')).peekable();
    while let Some(line) = lines.next() {
        let _ = writeln!(played, "{line}");
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut rows = Vec::new();
        while let Some(row) = lines.next_if(|next| next.starts_with(' ')) {
            let _ = writeln!(played, "{row}");
            if !row.trim_start().starts_with('#') {
                rows.push(parse_row(row));
            }
        }
        stage.command(&words, &rows).unwrap_or_else(|| panic!("not understood: {line}"));
        for said in stage.said.drain(..) {
            let _ = writeln!(played, "> {said}");
        }
    }
    played
}

#[derive(Default)]
struct Stage {
    tracker: Tracker,
    owners: Owners,
    said: Vec<String>,
}

impl Stage {
    fn command(&mut self, words: &[&str], rows: &[MadeRow]) -> Option<()> {
        match *words {
            ["round", begin, end, ref rest @ ..] => {
                self.tracker.begin(moment(begin)?);
                rows.iter().for_each(|row| self.tracker.row(&row.row()));
                let complete = match rest {
                    [] => Complete::all(),
                    ["gap"] => Complete::NONE,
                    ["only", table] => Complete::NONE.with(self::table(table)?),
                    _ => return None,
                };
                self.hear(|tracker, out| tracker.end(moment(end).expect("a time"), complete, out));
                self.tracker.set_owners(&self.owners);
                self.ask();
            }
            ["begin", at] => {
                self.tracker.begin(moment(at)?);
                rows.iter().for_each(|row| self.tracker.row(&row.row()));
            }
            ["end", at] => {
                let at = moment(at)?;
                self.hear(|tracker, out| tracker.end(at, Complete::all(), out));
                self.ask();
            }
            ["settle", at] => {
                let at = moment(at)?;
                self.hear(|tracker, out| tracker.settle(at, out));
                self.count();
            }
            ["answer", at, which, what] => {
                let (at, question) = (moment(at)?, self.question(which)?);
                let row = rows.first().map(MadeRow::row);
                let answer = match what {
                    "gone" => Answer::Gone,
                    "unknown" => Answer::Unknown,
                    "present" => Answer::Present(row.as_ref()),
                    _ => return None,
                };
                self.hear(|tracker, out| tracker.answer(question.ticket, answer, at, out));
            }
            ["event", at, source, change, ref which @ ..] => {
                let event = parse_event(at, source, change, which)?;
                let mut applied = Applied::Known;
                self.hear(|tracker, out| applied = tracker.apply(&event, out));
                match applied {
                    Applied::Told => {}
                    Applied::Known => self.said.push("known".to_owned()),
                    Applied::Held => self.said.push("held".to_owned()),
                    Applied::Vague => self.said.push("vague".to_owned()),
                    Applied::Asks(ticket) => {
                        assert!(self.tracker.question(ticket).is_some());
                        self.ask();
                    }
                }
            }
            ["owner", inode, ref processes @ ..] => {
                for process in processes {
                    self.own(inode.parse().ok()?, process)?;
                }
            }
            ["lost", count] => self.said.push(gap(self.tracker.resync(count.parse().ok()?))),
            ["totals"] => self.said.push(format!("{:?}", self.tracker.totals())),
            _ => return None,
        }
        Some(())
    }

    /// `process` is `comm[pid]`.
    fn own(&mut self, inode: u32, process: &str) -> Option<()> {
        let (comm, pid) = process.strip_suffix(']')?.split_once('[')?;
        let pid = pid.parse().ok()?;
        self.owners.add(inode, Holder { pid, fd: 3 });
        self.owners.name_process(pid, comm.as_bytes());
        Some(())
    }

    fn hear(&mut self, act: impl FnOnce(&mut Tracker, &mut dyn FnMut(Transition))) {
        let said = &mut self.said;
        act(&mut self.tracker, &mut |transition| said.push(describe(&transition)));
    }

    fn ask(&mut self) {
        for q in self.tracker.questions() {
            self.said.push(format!("asks {:?} {}", q.ask, who(&q.identity)));
        }
    }

    fn question(&self, which: &str) -> Option<Question> {
        self.tracker.questions().find(|q| who(&q.identity).split(' ').any(|word| word == which))
    }

    fn count(&mut self) {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for tracked in self.tracker.iter() {
            *counts.entry(tracked.state.to_string()).or_default() += 1;
        }
        let counts: Vec<String> = counts.iter().map(|(s, n)| format!("{s} {n}")).collect();
        self.said.push(format!("present {}", counts.join(", ")));
    }
}

fn describe(t: &Transition) -> String {
    let mut text = match t.kind {
        TransitionKind::Opened => "opened ",
        TransitionKind::Changed => "",
        TransitionKind::Ended => "ended ",
        TransitionKind::Passed => "passed ",
    }
    .to_owned();
    let from = t.from.map_or("?".to_owned(), |state| state.to_string());
    let _ = write!(text, "{from} -> {}", t.to);
    if t.via().iter().next().is_some() {
        let via: Vec<String> = t.via().iter().map(|s| s.to_string()).collect();
        let _ = write!(text, " via {}", via.join(" "));
    }
    let _ = write!(text, " at {}", when(t.when));
    if let Some(Dwell { min, max }) = t.dwell {
        let max = max.map_or(String::new(), ms);
        let dwell = if ms(min) == max { max } else { format!("{}..{max}", ms(min)) };
        let _ = write!(text, " after {dwell}");
    }
    let _ = write!(text, " {}", who(&t.identity));
    if let Some(owner) = &t.owner {
        let comm = |p: &sockstate::testing::model::transition::Process| {
            format!("{}[{}]", String::from_utf8_lossy(&p.comm), p.pid)
        };
        let processes: Vec<String> = owner.processes.iter().map(comm).collect();
        let was = if owner.former { "was " } else { "" };
        let _ = write!(text, " {was}{}", processes.join(","));
    }
    let reason = t.reason.map_or(String::new(), |reason| format!(", {}", reason.name()));
    let exact = if t.is_exact() { ", exact" } else { "" };
    let listed = if t.listed { "" } else { ", not listed" };
    let _ = write!(text, " ({}{exact}{reason}{listed})", t.source.name());
    text
}

fn who(identity: &Identity) -> String {
    let (local, remote) = identity.endpoints().expect("an internet socket");
    let end = |e: sockstate::testing::model::address::Endpoint| {
        SocketAddr::new(e.address.to_ip(), e.port)
    };
    let mut text = format!("{} {} {}", identity.table.name(), end(local), end(remote));
    for (name, value) in [("ck", identity.cookie), ("if", identity.ifindex.into())] {
        if value != 0 {
            let _ = write!(text, " {name}={value}");
        }
    }
    text
}

fn when(when: When) -> String {
    if when.min() == when.max() && when.is_exact() {
        ms(when.min().0)
    } else {
        format!("{}..{}", ms(when.min().0), ms(when.max().0))
    }
}

fn ms(nanos: u64) -> String {
    format!("{}", nanos as f64 / 1e6)
}

fn gap(gap: sockstate::testing::model::gap::Gap) -> String {
    let count = gap.count.map_or(String::new(), |count| format!(" {count}"));
    format!("gap {}{count}: {}", gap.what, gap.reason)
}

fn moment(text: &str) -> Option<Moment> {
    Some(Moment((text.parse::<f64>().ok()? * 1e6).round() as u64))
}

fn state(name: &str) -> Option<State> {
    let set = StateSet::parse(name)?;
    (0..=255).map(State::from_kernel).find(|s| StateSet::from(*s) == set)
}

fn table(name: &str) -> Option<TableId> {
    TableId::ALL.into_iter().find(|table| table.name() == name)
}

fn parse_event(at: &str, source: &str, change: &str, which: &[&str]) -> Option<ExactEvent> {
    let source = [Source::Tracepoint, Source::Destroy].into_iter().find(|s| s.name() == source)?;
    let (from, to) = change.split_once('>')?;
    let row = make_row(State::Close, which)?;
    let identity = Identity::of(&row.socket);
    Some(ExactEvent { at: moment(at)?, identity, from: state(from), to: state(to)?, source })
}

fn parse_row(line: &str) -> MadeRow {
    let words: Vec<&str> = line.split_whitespace().collect();
    let row = words.split_first().and_then(|(name, rest)| make_row(state(name)?, rest));
    row.unwrap_or_else(|| panic!("no row: {line}"))
}

/// `[udp] LOCAL REMOTE [ck=N] [ino=N] [if=N] [tw=MS] [rcv=DATA_MS,ACK_MS]`.
fn make_row(state: State, words: &[&str]) -> Option<MadeRow> {
    let (proto, words) = match words.split_first()? {
        (&"udp", rest) => (Proto::Udp, rest),
        _ => (Proto::Tcp, words),
    };
    let [local, remote, ref rest @ ..] = *words else { return None };
    let (local, remote) = (local.parse().ok()?, remote.parse().ok()?);
    let mut row = MadeRow::new(proto, state, local, remote, 0);
    if state == State::TimeWait {
        row = row.expiring(0);
    }
    for word in rest {
        let (name, value) = word.split_once('=')?;
        match name {
            "ck" => row.socket.cookie = value.parse().ok()?,
            "ino" => row.socket.inode = value.parse().ok()?,
            "if" => row.socket.ifindex = value.parse().ok()?,
            "tw" => row = row.expiring(value.parse().ok()?),
            "rcv" => {
                let (data, ack) = value.split_once(',')?;
                row = row.received(data.parse().ok()?, ack.parse().ok()?);
            }
            _ => return None,
        }
    }
    Some(row)
}
