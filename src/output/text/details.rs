//! Details that `-e`, `-i`, `-m`, `--tos` and `--cgroup` add to a row: words of the
//! form `name:value`, lines apart, the names those of the JSON.

use crate::kernel::inet_diag::MEMORY_FIELDS;
use crate::kernel::layout::LayoutField;
use crate::kernel::{mptcp_info, tcp_info};
use crate::model::escape::escaped;
use crate::model::proto::Proto;
use crate::model::row::Row;
use crate::output::cells;
use crate::output::table::Cells;
use crate::query::Lookups;
use crate::sys::names::Names;

use super::layout::Detail;

/// Returns everything that a row tells beyond its line, as lines.
pub fn all_details(row: &Row<'_>, lookups: &Lookups) -> String {
    let mut cells = Cells::default();
    details(&mut cells, row, &Detail::ALL, lookups, &mut Names::new(false));
    let line = |line: &[u8]| String::from_utf8_lossy(line).into_owned() + "\n";
    cells.detail_lines().map(line).collect()
}

/// Appends every line of details that is asked for and that the row has.
pub(super) fn details(
    cells: &mut Cells,
    row: &Row<'_>,
    asked: &[Detail],
    lookups: &Lookups,
    names: &mut Names,
) {
    // Of a million rows nearly all are like this.
    if asked.is_empty() && row.socket.table.proto != Proto::Mptcp {
        return;
    }
    let has = |detail| asked.contains(&detail);
    cells.detail(|out| {
        if has(Detail::Identity) {
            identity(out, row, lookups);
        }
        if has(Detail::SocketOptions) {
            socket_options(out, row);
        }
        if has(Detail::Cgroup) {
            cgroup(out, row, lookups);
        }
        if has(Detail::Tos) {
            tos(out, row);
        }
    });
    if has(Detail::Memory) {
        cells.detail(|out| memory(out, row));
    }
    if has(Detail::Info) {
        cells.detail(|out| info(out, row));
    }
    for subflow in lookups.subflows.of(row) {
        cells.detail(|out| self::subflow(out, &subflow, names));
    }
}

fn identity(out: &mut Vec<u8>, row: &Row<'_>, lookups: &Lookups) {
    let facts = row.facts;
    if let Some(user) = lookups.user(row) {
        word(out, "user", &escaped(user.as_bytes()));
    }
    if let Some(mark) = facts.mark().filter(|mark| *mark != 0) {
        word(out, "mark", &format!("{mark:#x}"));
    }
    if let Some(sides) = facts.shutdown().and_then(shutdown_name) {
        word(out, "shutdown", sides);
    }
    if facts.v6_only() == Some(true) {
        word(out, "v6only", "1");
    }
}

fn socket_options(out: &mut Vec<u8>, row: &Row<'_>) {
    let options: Vec<&str> = row.facts.socket_options().into_iter().flatten().collect();
    if !options.is_empty() {
        word(out, "sockopt", &options.join(","));
    }
}

fn cgroup(out: &mut Vec<u8>, row: &Row<'_>, lookups: &Lookups) {
    match (lookups.cgroup(row), row.facts.cgroup_id()) {
        (Some(path), _) => word(out, "cgroup", &escaped(path.as_bytes())),
        (None, Some(id)) => word(out, "cgroup_id", &id.to_string()),
        (None, None) => {}
    }
}

fn tos(out: &mut Vec<u8>, row: &Row<'_>) {
    let facts = row.facts;
    let numbers = [
        ("tos", facts.tos().map(u32::from)),
        ("tclass", facts.traffic_class().map(u32::from)),
        ("class_id", facts.class_id()),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            word(out, name, &format!("{number:#x}"));
        }
    }
}

/// Returns which sides of a socket are shut down; `None` when neither is.
pub fn shutdown_name(bits: u8) -> Option<&'static str> {
    match bits & 3 {
        1 => Some("recv"),
        2 => Some("send"),
        3 => Some("both"),
        _ => None,
    }
}

/// Appends it as `ss` prints it, which people can read by heart.
fn memory(out: &mut Vec<u8>, row: &Row<'_>) {
    let Some(memory) = row.facts.memory() else { return };
    let words: Vec<String> = MEMORY_FIELDS
        .iter()
        .filter_map(|field| Some(format!("{}{}", field.short, memory.get(field)?)))
        .collect();
    word(out, "skmem", &format!("({})", words.join(",")));
}

fn info(out: &mut Vec<u8>, row: &Row<'_>) {
    let facts = row.facts;
    if let Some(congestion) = facts.congestion() {
        word(out, "congestion", congestion);
    }
    if let Some(bytes) = row.info_bytes() {
        let mptcp = row.socket.table.proto == Proto::Mptcp;
        let fields = if mptcp { mptcp_info::FIELDS } else { tcp_info::FIELDS };
        fields.iter().for_each(|field| number(out, "", field, bytes));
    }
    if let Some((kind, bytes)) = facts.congestion_info() {
        kind.fields.iter().for_each(|field| number(out, kind.prefix, field, bytes));
    }
    if let Some(ulp) = facts.ulp() {
        word(out, "ulp", ulp.name);
        for item in ulp.items {
            if let Some(n) = ulp.get(item) {
                word(out, &format!("{}_{}", ulp.name, item.name), &n.to_string());
            }
        }
    }
}

/// Appends one number, unless it is the one that says nothing.
fn number(out: &mut Vec<u8>, prefix: &str, field: &LayoutField, bytes: &[u8]) {
    let Some(stored) = field.get(bytes) else { return };
    if stored == 0 && *field != tcp_info::CA_STATE || says_nothing(field, stored) {
        return;
    }
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(field.name.as_bytes());
    out.push(b':');
    let divisor = u64::from(field.divisor);
    match *field {
        tcp_info::CA_STATE => out.extend_from_slice(tcp_info::ca_state_name(stored).as_bytes()),
        tcp_info::OPTION_BITS => {
            for (i, name) in tcp_info::option_names(stored).enumerate() {
                out.extend_from_slice(if i > 0 { b"," } else { b"" });
                out.extend_from_slice(name.as_bytes());
            }
        }
        _ if stored.is_multiple_of(divisor) => cells::number(out, stored / divisor),
        _ => out.extend_from_slice(field.shown(stored).as_bytes()),
    }
    out.push(b' ');
}

/// Finds "no limit" and the default: `TCP_INFINITE_SSTHRESH`, an unset pacing rate,
/// the initial reordering of three segments.
fn says_nothing(field: &LayoutField, stored: u64) -> bool {
    match field.name {
        _ if stored != 3 && stored < 0x7fff_ffff => false,
        "snd_ssthresh_segs" => stored == 0x7fff_ffff,
        "max_pacing_rate_bytes_per_s" => stored == u64::MAX,
        "reordering_segs" => stored == 3,
        _ => false,
    }
}

fn subflow(out: &mut Vec<u8>, row: &Row<'_>, names: &mut Names) {
    let socket = &row.socket;
    word(out, "subflow", &socket.state.to_string());
    if let (Some(local), Some(remote)) = (socket.local(), socket.remote()) {
        cells::local_end(out, socket, local, names);
        out.push(b' ');
        cells::remote_end(out, socket, remote, names);
        out.push(b' ');
    }
}

fn word(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ":", value, " "] {
        out.extend_from_slice(part.as_bytes());
    }
}
