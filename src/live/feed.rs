//! The kernel's own events, as the tracker takes them: which source there is, and
//! what a CLOSE waits for.

use rustc_hash::FxHashMap;

use crate::chain::{Chains, Exact};
use crate::model::identity::Identity;
use crate::model::moment::Moment;
use crate::model::state::State;
use crate::sys::destroy::{DestroyListener, DestroyedBatch};
use crate::sys::perf::{Drained, TraceOptions, Tracer};
use crate::track::{Applied, ExactEvent};

use super::exact;

/// The kernel's events that are used beside snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Events {
    /// The best that is permitted.
    #[default]
    Auto,
    /// `sock:inet_sock_set_state`; needs `CAP_PERFMON`.
    Tracepoint,
    /// The multicast of destroyed sockets.
    Destroy,
    /// None: snapshots alone.
    Poll,
}

/// The kernel's own events.
pub(super) enum Feed {
    Trace(Box<Trace>),
    Destroy(DestroyListener, DestroyedBatch),
    None,
}

pub(super) struct Trace {
    pub tracer: Tracer,
    pub drained: Drained,
    pub chains: Chains,
    /// The fate of the CLOSE of chains that have not ended.
    closed: FxHashMap<u64, Close>,
}

/// The fate of a CLOSE.
enum Close {
    /// It was told: the end adds nothing.
    Told,
    /// It waits for the end: of a listener that may be shut down only, or where
    /// several sockets have these ends and the end has the cookie.
    Waits(ExactEvent),
}

/// An event, and the chain it belongs to.
pub(super) struct Heard {
    pub event: ExactEvent,
    pub chain: Option<u64>,
}

impl Trace {
    /// Adds the drained changes and ends as events for the tracker.
    pub fn events(&mut self, events: &mut Vec<Heard>) {
        let mut found = Vec::new();
        self.chains.feed(&self.drained.events, &mut found);
        events.extend(found.iter().filter_map(|found| match found {
            Exact::Change(change) => {
                Some(Heard { event: exact::change(change)?, chain: Some(change.chain) })
            }
            Exact::End(end) => Some(Heard { event: exact::end(end)?, chain: end.chain }),
            Exact::Note(_) => None,
        }));
    }

    /// Returns the events to be applied now, in order, for one event: a CLOSE may
    /// have to wait for the end of the chain, or is what the end is about.
    pub fn due(&mut self, heard: &Heard) -> [Option<ExactEvent>; 2] {
        let Heard { event, chain } = *heard;
        let Some(chain) = chain else { return [Some(event), None] };
        let before = self.closed.remove(&chain);
        match (event.from, before) {
            (None, Some(Close::Told)) => [None, None],
            (None, Some(Close::Waits(close))) => {
                let cookie = event.identity.cookie;
                let identity = Identity { cookie, ..close.identity };
                [Some(ExactEvent { identity, ..close }), None]
            }
            // shutdown() of a listener closes it too, but does not end it.
            (Some(State::Listen), _) if event.to == State::Close => {
                self.closed.insert(chain, Close::Waits(event));
                [None, None]
            }
            (_, Some(Close::Waits(close))) => [Some(close), Some(event)],
            _ => [None, Some(event)],
        }
    }

    /// Notes the fate of a chain's CLOSE.
    pub fn note(&mut self, chain: Option<u64>, event: &ExactEvent, applied: Applied) {
        let Some(chain) = chain else { return };
        if event.to == State::Close {
            let waits = applied == Applied::Vague;
            let close = if waits { Close::Waits(*event) } else { Close::Told };
            self.closed.insert(chain, close);
        }
    }

    /// Forgets every CLOSE, as events are missing: ends come without their chain.
    pub fn forget_closed(&mut self) {
        self.closed = FxHashMap::default();
    }

    /// Takes out every CLOSE that waited before a look began, which shows what
    /// became of its socket.
    pub fn stop_waiting(&mut self, began: Moment) -> Vec<(u64, ExactEvent)> {
        let mut waited = Vec::new();
        self.closed.retain(|chain, close| match close {
            Close::Waits(event) if event.at < began => {
                waited.push((*chain, *event));
                false
            }
            Close::Waits(_) | Close::Told => true,
        });
        waited
    }
}

impl Feed {
    /// Opens it; the second value says which events are used and, with
    /// [`Events::Auto`], why not better ones. `ports` is what each wanted socket
    /// has one of, see [`crate::model::want::Want::either_port`].
    ///
    /// # Errors
    /// When a source that was asked for by name cannot be used.
    pub fn open(events: Events, ports: &[(u16, u16)]) -> Result<(Self, String), String> {
        match events {
            Events::Poll => Ok((Feed::None, "snapshots alone".into())),
            Events::Destroy => {
                let feed = destroy_feed()?;
                Ok((feed, "snapshots, and the kernel's word of each socket that ends".into()))
            }
            Events::Tracepoint => Ok((trace_feed(ports)?, TRACEPOINT.into())),
            Events::Auto => match trace_feed(ports) {
                Ok(feed) => Ok((feed, TRACEPOINT.into())),
                Err(why_not_trace) => match destroy_feed() {
                    Ok(feed) => Ok((
                        feed,
                        format!(
                            "snapshots, and the kernel's word of each socket that ends; exact \
                         transitions are not available: {why_not_trace}"
                        ),
                    )),
                    Err(why) => {
                        Ok((Feed::None, format!("snapshots alone: {why_not_trace}; {why}")))
                    }
                },
            },
        }
    }
}

const TRACEPOINT: &str = "the tracepoint sock:inet_sock_set_state, and snapshots";

fn trace_feed(ports: &[(u16, u16)]) -> Result<Feed, String> {
    let mut options = TraceOptions::default();
    options.filter.tcp_only = true;
    options.filter.ports.extend(ports);
    let tracer = Tracer::open(&options).map_err(|error| error.to_string())?;
    Ok(Feed::Trace(Box::new(Trace {
        tracer,
        drained: Drained::default(),
        chains: Chains::default(),
        closed: FxHashMap::default(),
    })))
}

fn destroy_feed() -> Result<Feed, String> {
    let listener = DestroyListener::open()
        .map_err(|error| format!("no multicast of destroyed sockets: {error}"))?;
    Ok(Feed::Destroy(listener, DestroyedBatch::default()))
}
