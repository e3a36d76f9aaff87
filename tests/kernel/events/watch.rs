//! The program as it watches, and what it has told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;
use socket2::Socket;

use super::shape::{Gap, Line, Source, Transition};
use crate::kit::run::{Output, Run, Running};
use crate::kit::states::{self, Family};
use crate::kit::{Disturbed, Impossible, PATIENCE, Result, poll};

/// `events --json` that runs.
pub struct Watch {
    pub running: Running,
    /// Sockets made to find out that it looks.
    sentinels: Vec<Socket>,
    /// Lines read so far.
    pub lines: Vec<Line>,
    /// Whether events may be lost; otherwise that says nothing but that others are too loud.
    pub may_lose: bool,
}

impl Watch {
    /// Starts it and waits until nothing escapes it any more. Where this user may not trace, a
    /// trial that would is ignored.
    pub fn start(args: &[&str]) -> Result<Watch> {
        let all = ["events", "--json"].iter().chain(args);
        Watch::of(Run::new(all))
    }

    pub fn of(run: Run) -> Result<Watch> {
        let mut running = run.start()?;
        let remark = running.remark()?.context("no word of the source")?;
        if !remark.starts_with("events by ") {
            return Err(Impossible(remark).into());
        }
        let mut watch =
            Watch { running, sentinels: Vec::new(), lines: Vec::new(), may_lose: false };
        watch.barrier()?;
        Ok(watch)
    }

    fn sentinel(&mut self) -> Result<u16> {
        let listener = states::listening(Family::V4, 1)?;
        let port = states::address_of(&listener)?.port();
        self.sentinels.push(listener);
        Ok(port)
    }

    /// Waits until it has told of something that happens now: of a listener that it sees at its
    /// next look, or of one that ends, for a watch that does not look.
    pub fn barrier(&mut self) -> Result<()> {
        let mut ports = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            ports.push(self.sentinel()?);
            let short = states::listening(Family::V4, 1)?;
            ports.push(states::address_of(&short)?.port());
            drop(short);
            // What was there at its first look it does not tell; then others must follow.
            let next = Instant::now() + Duration::from_millis(200);
            while Instant::now() < next {
                let wait = next.saturating_duration_since(Instant::now());
                let Some(line) = self.running.line_within(wait)? else { break };
                let line = self.note(&line)?;
                let is_ours = |t: &Transition| ports.iter().any(|port| t.has_port(*port));
                let found = matches!(&line, Line::Transition(t) if is_ours(t));
                if found {
                    return Ok(());
                }
            }
        }
        bail!("it does not tell")
    }

    /// The first transition, of those read already and from here on, for which `is_wanted` holds.
    pub fn find(&mut self, is_wanted: impl Fn(&Transition) -> bool) -> Result<Transition> {
        let told = self.lines.iter().find_map(|line| match line {
            Line::Transition(transition) if is_wanted(transition) => Some(transition.clone()),
            _ => None,
        });
        match told {
            Some(transition) => Ok(*transition),
            None => self.wait(is_wanted),
        }
    }

    /// The first transition from here on for which `is_wanted` holds.
    pub fn wait(&mut self, is_wanted: impl Fn(&Transition) -> bool) -> Result<Transition> {
        loop {
            let line = self.running.line()?.context("it ended")?;
            if let Line::Transition(transition) = self.note(&line)?
                && is_wanted(&transition)
            {
                return Ok(*transition);
            }
        }
    }

    /// Reads until a gap is told.
    pub fn wait_gap(&mut self) -> Result<Gap> {
        loop {
            let line = self.running.line()?.context("it ended")?;
            if let Line::Gap(gap) = self.note(&line)? {
                return Ok(gap);
            }
        }
    }

    /// Ends it, by SIGINT.
    pub fn finish(self) -> Result<Told> {
        self.running.signal(Signal::INT)?;
        let output = self.running.finish()?.ended(130)?;
        let told = Told::of(&output)?;
        told.gaps.iter().try_for_each(|gap| is_undisturbed(gap, self.may_lose))?;
        Ok(told)
    }

    /// Reads a line and keeps it.
    fn note(&mut self, line: &str) -> Result<Line> {
        let line = Line::read(line)?;
        if let Line::Gap(gap) = &line {
            is_undisturbed(gap, self.may_lose)?;
        }
        self.lines.push(line.clone());
        Ok(line)
    }
}

/// Whether nothing was lost in the noise of others, or may be.
fn is_undisturbed(gap: &Gap, may_lose: bool) -> Result<()> {
    if gap.what == "events" && !may_lose {
        return Err(Disturbed(gap.reason.clone()).into());
    }
    Ok(())
}

/// Everything that was told.
pub struct Told {
    pub transitions: Vec<Transition>,
    pub gaps: Vec<Gap>,
}

/// Both ends of a socket.
pub type Ends = (SocketAddr, SocketAddr);

impl Told {
    pub fn of(output: &Output) -> Result<Told> {
        let mut told = Told { transitions: Vec::new(), gaps: Vec::new() };
        for line in output.stdout.lines() {
            match Line::read(line)? {
                Line::Transition(transition) => {
                    is_consistent(&transition).with_context(|| line.to_owned())?;
                    told.transitions.push(*transition);
                }
                Line::Gap(gap) => told.gaps.push(gap),
                Line::Summary(_) => bail!("a summary nobody asked for: {line}"),
            }
        }
        Ok(told)
    }

    /// The transitions of connections with the port, by socket, as told.
    pub fn by_socket(&self, port: u16) -> BTreeMap<Ends, Vec<&Transition>> {
        let mut sockets: BTreeMap<Ends, Vec<&Transition>> = BTreeMap::new();
        for transition in self.transitions.iter().filter(|t| t.has_port(port)) {
            if let (Some(local), Some(remote)) = (transition.local(), transition.remote())
                && remote.port() != 0
            {
                sockets.entry((local, remote)).or_default().push(transition);
            }
        }
        sockets
    }

    /// The transitions of one socket, as told.
    pub fn of_socket(&self, local: SocketAddr, remote: SocketAddr) -> Vec<&Transition> {
        let ends = (crate::kit::ask::shown(local), crate::kit::ask::shown(remote));
        let all = self.transitions.iter();
        all.filter(|t| (t.local(), t.remote()) == (Some(ends.0), Some(ends.1))).collect()
    }

    /// The states that one socket went through.
    pub fn path(&self, local: SocketAddr, remote: SocketAddr) -> Vec<&str> {
        self.of_socket(local, remote).iter().map(|t| t.to.as_str()).collect()
    }
}

/// Makes things happen until a line tells of one, and returns that; `happen` gives a port of it.
/// So the program has looked since this began, which is worth knowing: what was there at its first
/// look it does not tell.
pub fn until_told(
    running: &mut Running,
    mut happen: impl FnMut() -> Result<u16>,
) -> Result<String> {
    let mut ports = Vec::new();
    poll("a line of what happens now", || {
        ports.push(happen()?);
        while let Some(line) = running.line_within(Duration::from_millis(200))? {
            if ports.iter().any(|port| mentions(&line, *port)) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    })
}

/// Waits until a program that looks knows who holds the sockets that are there now: the search for
/// owners goes on beside the looks. It does when it knows the owner of a younger one.
pub fn until_owners_are_known(running: &mut Running) -> Result<()> {
    let pid = std::process::id();
    let owner = [format!("\"pid\":{pid},"), format!("[{pid}]")];
    let mut held = Duration::ZERO;
    poll("an owner", || {
        let listener = states::listening(Family::V4, 1)?;
        let port = states::address_of(&listener)?.port();
        running.line_where(|line| mentions(line, port))?;
        held += Duration::from_millis(50);
        thread::sleep(held);
        drop(listener);
        let ended = running.line_where(|line| mentions(line, port))?;
        Ok(owner.iter().any(|owner| ended.contains(owner)).then_some(()))
    })
}

/// Whether a line has `:PORT`, as text and JSON write one.
fn mentions(line: &str, port: u16) -> bool {
    let written = format!(":{port}");
    line.split(&written).skip(1).any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

pub fn steps(transitions: &[&Transition]) -> Vec<String> {
    transitions.iter().map(|transition| transition.step()).collect()
}

/// What holds for every transition.
pub fn is_consistent(t: &Transition) -> Result<()> {
    ensure!(t.at_min.is_some() == t.at_max.is_some(), "one bound");
    ensure!(t.at_max.is_none_or(|max| t.at == max), "at is the later bound");
    ensure!(t.at_min.is_none_or(|min| min <= t.at), "bounds the wrong way round");
    ensure!(!t.exact || (t.at_min.is_none() && t.via.is_empty()), "exact, with bounds");
    ensure!(!t.exact || t.source == Source::Tracepoint, "only the tracepoint tells times");
    ensure!(t.from.as_deref() != Some(t.to.as_str()), "nothing changed");
    ensure!(t.dwell_ms.is_none() || t.dwell_min_ms.is_none(), "exact and not");
    let bounds = t.dwell_min_ms.zip(t.dwell_max_ms);
    ensure!(bounds.is_none_or(|(min, max)| min <= max), "dwell bounds");
    ensure!(t.netns.is_none() || t.source == Source::Tracepoint, "whose namespace is known");
    ensure!(t.netns.as_deref().is_none_or(|netns| netns == "unknown"), "netns");
    ensure!(!t.former || t.processes.is_some(), "former owners, and none named");
    Ok(())
}
