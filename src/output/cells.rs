//! How single values are written, shared by every text view.

use std::io::Write;

use crate::model::address::{Address, Endpoint};
use crate::model::age::Age;
use crate::model::escape::push_escaped;
use crate::model::facts::UnixName;
use crate::model::owner::Owners;
use crate::model::socket::{Ends, Socket, Timer};
use crate::sys::names::Names;

/// Appends a number.
pub fn number(out: &mut Vec<u8>, n: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Appends an address without its port.
pub fn address(out: &mut Vec<u8>, address: &Address) {
    match address.as_v4() {
        Some(octets) => {
            for (i, octet) in octets.into_iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                number(out, octet);
            }
        }
        // Writing to a Vec cannot fail.
        None => drop(write!(out, "{address}")),
    }
}

/// Appends one end of an internet socket: `10.0.0.1:80`, `[::1%eth0]:80`.
///
/// An IPv4 address of an `AF_INET6` socket carries the mark `::ffff:`; it has
/// no brackets, so that it is not taken for an IPv6 peer.
pub fn endpoint(out: &mut Vec<u8>, socket: &Socket, end: Endpoint, names: &mut Names) {
    let v4 = end.address.as_v4().is_some();
    if !v4 {
        out.push(b'[');
    } else if socket.is_v4_mapped() {
        out.extend_from_slice(b"::ffff:");
    }
    match names.host(end.address) {
        Some(host) => out.extend_from_slice(host.as_bytes()),
        None => address(out, &end.address),
    }
    if socket.ifindex != 0 {
        out.push(b'%');
        out.extend_from_slice(names.device(socket.ifindex).as_bytes());
    }
    if !v4 {
        out.push(b']');
    }
    out.push(b':');
    match (end.port, names.service(end.port, socket.table.proto)) {
        (0, _) => out.push(b'*'),
        (_, Some(service)) => out.extend_from_slice(service.as_bytes()),
        (port, None) => number(out, port),
    }
}

/// Appends the local end of any socket; a unix one by its name.
pub fn local(out: &mut Vec<u8>, socket: &Socket, unix: Option<UnixName<'_>>, names: &mut Names) {
    match socket.ends {
        Ends::Inet { local, .. } => endpoint(out, socket, local, names),
        Ends::Unix { .. } => match unix {
            Some(name) => unix_name(out, name.is_abstract, name.bytes),
            None => out.push(b'*'),
        },
    }
}

/// Appends a unix socket's name; `@` marks an abstract one.
pub fn unix_name(out: &mut Vec<u8>, is_abstract: bool, name: &[u8]) {
    let mut text = String::new();
    if is_abstract {
        text.push('@');
    }
    push_escaped(&mut text, name);
    out.extend_from_slice(text.as_bytes());
}

/// Appends every process that holds an inode: `api[812],worker[813]`, with
/// descriptors where asked: `api[812]:9`.
pub fn holders(out: &mut Vec<u8>, inode: u32, owners: &Owners, with_fd: bool) {
    let (mut last, mut first) = (None, true);
    for holder in owners.of(inode) {
        let again = last.replace(holder.pid) == Some(holder.pid);
        if again && !with_fd {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        let mut comm = String::new();
        push_escaped(&mut comm, owners.comm(holder.pid));
        out.extend_from_slice(comm.as_bytes());
        out.push(b'[');
        number(out, holder.pid);
        out.push(b']');
        if with_fd {
            out.push(b':');
            number(out, holder.fd);
        }
    }
}

/// Appends a duration without blanks: `812ms`, `3.2s`, `41m`, `5h20m`, `3d4h`.
pub fn duration(out: &mut Vec<u8>, ms: u64) {
    let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    // Writing to a Vec cannot fail.
    drop(match ms {
        ms if ms < 1_000 => write!(out, "{ms}ms"),
        ms if ms < 10_000 => write!(out, "{seconds}.{}s", ms % 1_000 / 100),
        ms if ms < 120_000 => write!(out, "{seconds}s"),
        ms if ms < 3_600_000 => write!(out, "{minutes}m"),
        ms if ms < 86_400_000 => write!(out, "{hours}h{}m", minutes % 60),
        _ => write!(out, "{}d{}h", hours / 24, hours % 24),
    });
}

/// Appends an age: `5.0s` exact, `5.0s-6.0s` bounds, `5.0s+` at least.
pub fn age(out: &mut Vec<u8>, age: Age) {
    let start = out.len();
    duration(out, age.min_ms);
    let Some(max) = age.max_ms else {
        out.push(b'+');
        return;
    };
    let end = out.len();
    out.push(b'-');
    duration(out, max);
    // Bounds that read the same say no more than one of them.
    if out[start..end] == out[end + 1..] {
        out.truncate(end);
    }
}

/// Appends a timer: `retransmit,1.2s,3`.
pub fn timer(out: &mut Vec<u8>, timer: Timer) {
    out.extend_from_slice(timer.kind.name().as_bytes());
    out.push(b',');
    duration(out, timer.expires_ms.into());
    out.push(b',');
    number(out, timer.retransmits);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::owner::Holder;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("only text is written")
    }

    #[test]
    fn every_holder_is_named_once_or_with_each_descriptor() {
        // Cells share one buffer: what stands before must not matter.
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            text(|out| {
                out.extend_from_slice(b"9");
                write(out);
                out.remove(0);
            })
        };
        let mut owners = Owners::default();
        for (pid, fd) in [(812, 9), (812, 11), (900, 4)] {
            owners.add(7, Holder { pid, fd });
        }
        owners.name_process(812, b"api".to_vec());
        owners.name_process(900, b"evil\n,x[1]".to_vec());
        assert_eq!(text(&|out| holders(out, 7, &owners, false)), "api[812],evil\\x0a,x[1][900]");
        assert_eq!(
            text(&|out| holders(out, 7, &owners, true)),
            "api[812]:9,api[812]:11,evil\\x0a,x[1][900]:4"
        );
        assert_eq!(text(&|out| holders(out, 8, &owners, true)), "");
    }

    #[test]
    fn durations_and_ages_are_one_word() {
        let cases = [
            (5, "5ms"),
            (3_249, "3.2s"),
            (60_000, "60s"),
            (2_460_000, "41m"),
            (90_000_000, "1d1h"),
        ];
        for (ms, word) in cases {
            assert_eq!(text(|out| duration(out, ms)), word);
        }
        let of = |min_ms, max_ms| text(|out| age(out, Age { min_ms, max_ms }));
        assert_eq!(of(5_000, Some(5_000)), "5.0s");
        assert_eq!(of(5_000, Some(6_000)), "5.0s-6.0s");
        assert_eq!(of(63_488, Some(63_544)), "63s");
        assert_eq!(of(5_000, None), "5.0s+");
    }
}
