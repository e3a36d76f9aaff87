//! The one door to what is inside, for this package's tests, benches and fuzz
//! targets: what they name, in the places where it stands, and their tools.
//!
//! With `--cfg closed` it is not there. Then rustc sees the program alone, and
//! names what only tests would keep alive.

pub mod bytecode;
mod values;

pub mod answer {
    pub use crate::answer::count;
}
pub mod chain {
    pub use crate::chain::{
        Chains, EndsIn, Exact, ExactChange, ExactEnd, KnownEnds, Remark, Transport,
    };
}
pub mod cli {
    pub mod man {
        pub use crate::cli::man::page;
    }
}
pub mod explain {
    pub use crate::explain::{DIAGRAM, Known, Page, PageGroup, diagram, find, topics};
}
pub mod filter {
    pub use crate::filter::{
        Bytecode, Filter, FilteredBy, PlanTarget, Resolver, TableReading, TestedRow, compile,
        explain, matches, parse,
    };
}
pub mod group {
    pub use crate::group::{GroupKey, KEYS};
}
pub mod kernel {
    pub mod destroy {
        pub use crate::kernel::destroy::{DestroyedEnds, DestroyedSocket};
    }
    pub mod dump_file {
        pub use crate::kernel::dump_file::{DumpEntry, Entries, hide_keys};
    }
    pub mod inet_diag {
        pub use crate::kernel::inet_diag::{InetMessage, MEMORY_FIELDS, MESSAGE_LEN, attribute};
    }
    pub mod netlink {
        pub use crate::kernel::netlink::{Attributes, Datagram, Dump, Progress};
    }
    pub mod netlink_diag {
        pub use crate::kernel::netlink_diag::NetlinkMessage;
    }
    pub mod packet_diag {
        pub use crate::kernel::packet_diag::PacketMessage;
    }
    pub mod perf_ring {
        pub use crate::kernel::perf_ring::{RingRecord, RingRecords};
    }
    pub mod proc_net {
        pub use crate::kernel::proc_net::{InetLine, ProcAddress};
    }
    pub mod request {
        pub use crate::kernel::request::{AF_INET, InetDump, tcp_dump_both};
    }
    pub mod tcp_info {
        pub use crate::kernel::tcp_info::FIELDS;
    }
    pub mod trace_format {
        pub use crate::kernel::trace_format::TraceFormat;
    }
    pub mod tracepoint {
        pub use crate::kernel::tracepoint::{Decoders, TraceEvent, TraceFilter, Tracepoint};
    }
    pub mod unix_diag {
        pub use crate::kernel::unix_diag::UnixMessage;
    }
    pub mod vsock_diag {
        pub use crate::kernel::vsock_diag::VsockMessage;
    }
}
pub mod live {
    pub use crate::live::{Events, Round, Rounds, Stream, StreamItem, Watched, Wishes};
}
pub mod machine {
    pub use crate::machine::Machine;
}
pub mod model {
    pub mod address {
        pub use crate::model::address::{Address, Endpoint};
    }
    pub mod age {
        pub use crate::model::age::Age;
    }
    pub mod facts {
        pub use crate::model::facts::Facts;
    }
    pub mod snapshot {
        pub use crate::model::snapshot::StateCounts;
    }
    pub mod gap {
        pub use crate::model::gap::Gap;
    }
    pub mod hash {
        pub use crate::model::hash::KeyedMap;
    }
    pub mod host {
        pub use crate::model::host::{COUNTERS, Host, SYSCTLS, Scope, Shape};
    }
    pub mod identity {
        pub use crate::model::identity::Identity;
    }
    pub mod lifecycle {
        pub use crate::model::lifecycle::EDGES;
    }
    pub mod listener {
        pub use crate::model::listener::Waiting;
    }
    pub mod moment {
        pub use crate::model::moment::{Dwell, Moment, When};
    }
    pub mod owner {
        pub use crate::model::owner::{Holder, Owners};
    }
    pub mod ports {
        pub use crate::model::ports::{Growth, GrowthSeen};
    }
    pub mod proto {
        pub use crate::model::proto::{Family, Proto, TableId};
    }
    pub mod queues {
        pub use crate::model::queues::Queues;
    }
    pub mod row {
        pub use crate::model::row::Row;
    }
    pub mod socket {
        pub use crate::model::socket::{Ends, Socket, Timer, TimerKind};
    }
    pub mod standing {
        pub use crate::model::standing::Standing;
    }
    pub mod state {
        pub use crate::model::state::{State, StateSet, TCP_STATES};
    }
    pub mod table {
        pub use crate::model::table::Table;
    }
    pub mod transition {
        pub use crate::model::transition::{
            Ownership, Process, Source, Transition, TransitionKind,
        };
    }
    pub mod want {
        pub use crate::model::want::Want;
    }
}
pub mod output {
    pub mod json {
        pub use crate::output::json::{DetailsJson, SocketsJson, schema};
    }
    pub mod out {
        pub use crate::output::out::Out;
    }
    pub mod style {
        pub use crate::output::style::Style;
    }
    pub mod text {
        pub use crate::output::text::{
            Detail, DetailsPlace, Layout, SocketsText, TextColumn, explain, topics,
        };
    }
}
pub mod query {
    pub use crate::query::{Lookups, Selection};
    pub mod fields {
        pub use crate::query::fields::Field;
    }
}
pub mod rules {
    pub use crate::rules::{Config, RULES, Subject, markdown};
}
pub mod source {
    pub use crate::source::{Choice, Report, Shortcuts};
}
pub mod survey {
    pub use crate::survey::listeners;
}
pub mod sys {
    pub mod clock {
        pub use crate::sys::clock::monotonic_ns;
    }
    pub mod destroy {
        pub use crate::sys::destroy::{DestroyListener, DestroyedBatch};
    }
    pub mod names {
        pub use crate::sys::names::Names;
    }
    pub mod netlink {
        pub use crate::sys::netlink::{DiagSocket, DumpEnd};
    }
    pub mod owners {
        pub use crate::sys::owners::scan;
    }
    pub mod perf {
        pub use crate::sys::perf::{Drained, TraceOptions, Tracer};
    }
    pub mod perf_cpu {
        pub use crate::sys::perf_cpu::{CpuEvents, Wanted, parse_cpu_list};
    }
    pub mod perf_gap {
        pub use crate::sys::perf_gap::GapCause;
    }
    pub mod tcp_census {
        pub use crate::sys::tcp_census::all_in_tables;
    }
    pub mod tracefs {
        pub use crate::sys::tracefs::Tracefs;
    }
}
pub mod track {
    pub use crate::track::{Answer, Applied, Complete, ExactEvent, Question, Tracker};
}
pub mod tui {
    pub mod app {
        pub use crate::tui::app::{Act, App, Effect, FileFormat, Fixed, Overlay, TimedRound};
    }
    pub mod lister {
        pub use crate::tui::lister::Lister;
    }
    pub mod row_details {
        pub use crate::tui::row_details::{Fetched, FetchedDetails};
    }
    pub mod tabs {
        pub use crate::tui::tabs::{TABS, usual_keys};
    }
    pub mod theme {
        pub use crate::tui::theme::Theme;
    }
    pub mod view {
        pub use crate::tui::view::draw;
    }
}
