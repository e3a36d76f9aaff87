//! Floor 5: the live terminal.
//!
//! [`app`] is what is shown and how keys change it, pure; `view` draws it, with
//! what each of `tabs` draws in it; `collect` are the threads that look at the machine and wait for
//! keys, `worker` is the one that makes lists and acts; here is the loop that
//! joins them. It waits for messages and for the terminal, and for nothing else.

pub mod app;
mod collect;
pub mod grid;
pub mod keys;
mod line;
pub mod lister;
pub mod log_filter;
mod messages;
mod name_cache;
pub mod row_details;
pub mod rows;
pub mod sheet;
pub mod tabs;
mod term;
pub mod theme;
pub mod view;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use ratatui::buffer::Buffer;
use rustix::io::Errno;

use crate::sys::clock;
use crate::sys::signal::{self, Ending, JobControl};

use app::{App, Effect, Fixed, TimedRound};
pub use collect::Collecting;
use collect::{Collected, Control, Mailbox, Publisher};
use messages::{Export, Msg, Work};
use rows::Services;
use term::Screen;

/// The settings of a live terminal.
pub struct Setup {
    /// The settings of the collector.
    pub collecting: Collecting,
    /// The settings of the screen that do not change.
    pub fixed: Fixed,
    /// Time between two rounds, milliseconds.
    pub interval_ms: u64,
    /// The filter to begin with.
    pub filter: String,
    /// True where the mouse is listened to.
    pub mouse: bool,
    /// True where numbers have names from the beginning.
    pub names: bool,
    /// It ends after so long.
    pub duration: Option<Duration>,
}

/// The way in which the session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A key did, or its time was over.
    Quit,
    /// A signal did; the exit status by which a shell knows it.
    Signal(u8),
}

/// The longest time that the loop waits for a message: signals are seen this
/// late.
const PATIENCE: Duration = Duration::from_millis(100);

/// The screen is drawn anew at least this often, for ages and messages.
const REDRAW_NS: u64 = 1_000_000_000;

/// Runs until a key or a signal ends it. The terminal is given back in every
/// case.
///
/// # Errors
/// When the terminal cannot be used, or nothing can be collected any more.
pub fn run(setup: Setup) -> io::Result<Ended> {
    let ending = Ending::watch_patiently()?;
    let jobs = JobControl::watch()?;
    let (sender, receiver) = channel();
    let control = Arc::new(Control::default());
    let (work, worked) = channel();
    let mailbox = Arc::new(Mailbox::default());
    let begun_ns = clock::monotonic_ns();
    let mut session = Session {
        app: App::new(setup.fixed, setup.interval_ms),
        control: Arc::clone(&control),
        work,
        mailbox: Arc::clone(&mailbox),
        end_ns: setup.duration.map(|time| begun_ns.saturating_add(time.as_nanos() as u64)),
        ending,
        jobs,
    };
    let Collecting { choice, proc_root, .. } = &setup.collecting;
    worker::start((*choice, proc_root.clone()), worked, sender.clone())?;
    session.app.filter.set(&setup.filter);
    session.app.services = if setup.names { Services::Names } else { Services::Numbers };
    session.app.tick(clock::monotonic_ns());
    session.control.set(session.app.wishes(), session.app.interval.wanted_ms);
    // Before the first thread may panic the hook must be there.
    let mut screen = Screen::take(setup.mouse)?;
    collect::input(sender.clone())?;
    collect::collector(setup.collecting, control, Publisher { mailbox, sender })?;
    let (ended, last) = session.run(&receiver, &mut screen).or_else(hung_up)?;
    drop(screen);
    if let Some(last) = last {
        term::leave_behind(&last)?;
    }
    match session.app.looks.never() {
        Some(why) if ended == Ended::Quit => Err(io::Error::other(why.to_owned())),
        _ => Ok(ended),
    }
}

/// Ends as SIGHUP does where the terminal is gone: the signal may be late, or
/// ignored.
fn hung_up(error: io::Error) -> io::Result<(Ended, Option<Buffer>)> {
    if Errno::from_io_error(&error) == Some(Errno::IO) {
        return Ok((Ended::Signal(signal::HUNG_UP), None));
    }
    Err(error)
}

/// The loop, and what it acts with.
struct Session {
    app: App,
    control: Arc<Control>,
    work: Sender<Work>,
    mailbox: Arc<Mailbox>,
    end_ns: Option<u64>,
    ending: Ending,
    jobs: JobControl,
}

/// The consequence of an effect for the loop.
enum Flow {
    Continue,
    Suspend,
    Quit(bool),
}

/// The result of the loop's wait.
enum Waited {
    /// There is something to draw.
    Draw,
    /// It ends; with `true` the last screen is to stay behind.
    End(Ended, bool),
}

impl Session {
    /// Runs; returns the last screen where that is to stay behind.
    fn run(
        &mut self,
        receiver: &Receiver<Msg>,
        screen: &mut Screen,
    ) -> io::Result<(Ended, Option<Buffer>)> {
        loop {
            let last = screen.draw(|frame| view::draw(&mut self.app, frame))?;
            let drawn_ns = clock::monotonic_ns();
            // Which rows have room is known now. What comes of it is drawn then.
            let fetch = self.app.fetch();
            self.order(fetch.map(Work::Fetch));
            if let Waited::End(ended, keep) = self.wait(receiver, screen, drawn_ns)? {
                return Ok((ended, keep.then_some(last)));
            }
        }
    }

    /// Waits until there is something to draw, or the end.
    fn wait(
        &mut self,
        receiver: &Receiver<Msg>,
        screen: &mut Screen,
        drawn_ns: u64,
    ) -> io::Result<Waited> {
        loop {
            let mut dirty = false;
            match receiver.recv_timeout(PATIENCE) {
                Ok(msg) => {
                    // What has piled up is taken in before the next frame.
                    let more = std::iter::from_fn(|| receiver.try_recv().ok()).take(256);
                    for msg in std::iter::once(msg).chain(more) {
                        match self.take(msg)? {
                            Flow::Continue => {}
                            Flow::Suspend => self.suspend(screen)?,
                            Flow::Quit(keep) => return Ok(Waited::End(Ended::Quit, keep)),
                        }
                    }
                    dirty = true;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the collector has ended"));
                }
            }
            if let Some(status) = self.ending.status() {
                return Ok(Waited::End(Ended::Signal(status), false));
            }
            if self.jobs.asked_to_stop() {
                self.suspend(screen)?;
                dirty = true;
            }
            if self.jobs.continued() {
                screen.again()?;
                dirty = true;
            }
            let now_ns = clock::monotonic_ns();
            if self.end_ns.is_some_and(|end_ns| now_ns >= end_ns) {
                return Ok(Waited::End(Ended::Quit, false));
            }
            self.app.tick(now_ns);
            if dirty || now_ns.saturating_sub(drawn_ns) >= REDRAW_NS {
                return Ok(Waited::Draw);
            }
        }
    }

    fn take(&mut self, msg: Msg) -> io::Result<Flow> {
        let effects = match msg {
            Msg::Input(event) => self.app.event(&event),
            Msg::InputEnded => return Err(Errno::IO.into()),
            Msg::Sources(sources) => {
                self.app.fixed.sources = sources;
                Vec::new()
            }
            Msg::Collected => self.collected(),
            Msg::Failed(why) => {
                self.app.looks.failure = Some(why);
                Vec::new()
            }
            Msg::Ended(why) => return Err(io::Error::other(why)),
            Msg::Listed(listed) => {
                self.app.list(listed);
                Vec::new()
            }
            Msg::Fetched(fetched) => {
                self.app.fetched(fetched);
                Vec::new()
            }
            Msg::Page(page) => {
                self.app.show(page.title, page.lines);
                Vec::new()
            }
            Msg::Said(text) => {
                self.app.say(text);
                Vec::new()
            }
        };
        for effect in effects {
            match self.perform(effect) {
                Flow::Continue => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Continue)
    }

    fn perform(&mut self, effect: Effect) -> Flow {
        match effect {
            Effect::Quit(keep) => return Flow::Quit(keep),
            Effect::Suspend => return Flow::Suspend,
            Effect::List => self.order(self.app.job().map(|job| Work::List(Box::new(job)))),
            Effect::Control => self.control.set(self.app.wishes(), self.app.interval.wanted_ms),
            Effect::Explain(name) => self.order(Some(Work::Explain(name))),
            Effect::Export(format) => match self.export() {
                Some(export) => self.order(Some(Work::Export(export, format))),
                None => self.app.say("there is no table here to write"),
            },
            Effect::Act(act) => {
                let listed = self.app.listed.clone();
                self.order(listed.map(|listed| Work::Act(act, listed)));
            }
        }
        Flow::Continue
    }

    /// Orders work to be done beside the drawing.
    fn order(&self, work: Option<Work>) {
        // That nobody does it any more would have been told before.
        drop(work.map(|work| self.work.send(work)));
    }

    /// Returns what is shown, for a file.
    fn export(&self) -> Option<Export> {
        if !self.app.shows_sockets() {
            return self.app.tabs.shown().texts(&self.app).map(Export::Table);
        }
        let listed = Arc::clone(self.app.listed.as_ref()?);
        Some(Export::Sockets(listed, self.app.sockets.fields()))
    }

    /// Takes in what lies in the mailbox.
    fn collected(&mut self) -> Vec<Effect> {
        let Collected { round, time, kept_ms, events, lost } = self.mailbox.take();
        let oldest = events.front().map_or_else(String::new, |(_, at)| at.clone());
        self.app.events(events.into());
        if lost > 0 {
            self.app.lost(lost, oldest);
        }
        let Some(round) = round else { return Vec::new() };
        self.app.interval.kept_ms = kept_ms;
        self.app.round(TimedRound { round: Arc::from(round), time: time.into() })
    }

    /// Gives the terminal to the shell, where there is one that could give it
    /// back.
    fn suspend(&mut self, screen: &mut Screen) -> io::Result<()> {
        if signal::has_job_control() {
            return screen.suspend();
        }
        self.app.say("there is no shell that could bring this back: q quits");
        Ok(())
    }
}
