//! Lines of `/proc/net/{tcp,tcp6,udp,udp6,udplite,udplite6,raw,raw6,unix}` to plain records.
//!
//! The fallback where netlink is not to be had. What these files lack: cookie,
//! interface, tcp_info, cgroup, a listener's queue limit and drops, and the
//! peer and queues of unix sockets. Nothing here allocates, and every function
//! takes any bytes: a line that is not understood is `None`, the next one is
//! not affected.
//!
//! The kernel prints unix socket names raw, also a newline in one. Such a name
//! tears its line, and whoever chose it can make the rest look like a row of
//! its own. The netlink source has no such weakness.

/// `__SO_ACCEPTCON` (linux/net.h): the flag of a listening unix socket.
const SO_ACCEPTCON: u64 = 0x10000;
/// `SS_CONNECTING` (linux/net.h): here, connected but not yet accepted.
const SS_CONNECTING: u64 = 2;
/// `SS_CONNECTED` (linux/net.h).
const SS_CONNECTED: u64 = 3;
/// `TCP_ESTABLISHED`, `TCP_CLOSE`, `TCP_LISTEN` (net/tcp_states.h).
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;
/// Milliseconds of one tick of `USER_HZ` (100 on every architecture with
/// users), the unit of times in /proc (`jiffies_delta_to_clock_t`).
const TICK_MS: u64 = 10;

/// An address as the file has it, bytes in network order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcAddress {
    /// From a file without `6` in its name.
    V4([u8; 4]),
    /// From a file with `6`; v4-mapped where the peer is IPv4.
    V6([u8; 16]),
}

/// One row of an inet file, numbers as the kernel wrote them.
///
/// Written by `get_tcp4_sock`, `get_timewait4_sock` and `get_openreq4`
/// (net/ipv4/tcp_ipv4.c), their twins in net/ipv6/tcp_ipv6.c,
/// `udp4_format_sock`, `raw_sock_seq_show` and `__ip6_dgram_sock_seq_show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetLine {
    /// The address on this side.
    pub local: ProcAddress,
    /// Its port, host order; in the raw files the IP protocol number.
    pub local_port: u16,
    /// The address on the other side, unspecified where there is none.
    pub remote: ProcAddress,
    /// Its port, host order, 0 where there is none.
    pub remote_port: u16,
    /// Kernel state number (net/tcp_states.h). An orphan's FIN_WAIT2 minisock
    /// says 5 (`tw_substate`), a request socket 3.
    pub state: u8,
    /// Bytes not acknowledged; 0 for a listener, whose limit is not told.
    pub tx_queue: u32,
    /// Bytes not read (a FIN counts one); for a listener the connections
    /// waiting to be accepted; for UDP and raw memory with overhead.
    pub rx_queue: u32,
    /// 0 none, 1 retransmit, 2 keepalive, 3 TIME_WAIT or FIN_WAIT2 minisock,
    /// 4 zero-window probe; later kernels may have more.
    pub timer: u8,
    /// Milliseconds until the timer, in steps of 10; 0 without one.
    pub expires_ms: u32,
    /// Unanswered retransmissions (`icsk_retransmits`), for a request socket
    /// its timeouts (`num_timeout`).
    pub retrans: u32,
    /// Unanswered probes (column `timeout`, `icsk_probes_out`), what inet_diag
    /// calls retransmissions while timer 4 runs or keepalive probes are out.
    pub probes: u32,
    /// Owner; of a request socket the listener's; 0 for minisocks.
    pub uid: u32,
    /// Socket inode; 0 where no file belongs to it (waiting for accept,
    /// request, orphan, minisock).
    pub inode: u32,
    /// Datagrams dropped at this socket since it was made; absent for TCP and
    /// where the column is missing.
    pub drops: Option<u32>,
}

/// One row of `/proc/net/unix`, written by `unix_seq_show` (net/unix/af_unix.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixLine<'a> {
    /// Socket inode; 0 for a connection nobody has accepted yet.
    pub inode: u32,
    /// 1 `SOCK_STREAM`, 2 `SOCK_DGRAM`, 5 `SOCK_SEQPACKET`.
    pub kind: u16,
    /// As a TCP state number: 10 listening, 1 connected, 7 neither.
    pub state: u8,
    /// The name as printed: an abstract one starts with `@` (a file called
    /// `@x` looks the same) and has `@` for each zero byte; absent when the
    /// socket has no name.
    pub path: Option<&'a [u8]>,
}

/// Tells whether `line` is the header of a file of `/proc/net` (`  sl  local_address
/// …`, `Num       RefCount …`, `sk       RefCnt …`).
pub fn is_header(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    [&b"sl "[..], b"Num ", b"sk "].iter().any(|head| line.starts_with(head))
}

/// Returns the record of one line of an inet file; `None` for a malformed one and for
/// the header. Columns after the inode may be missing.
pub fn inet_line(line: &[u8]) -> Option<InetLine> {
    let mut columns = LineColumns(line);
    slot(columns.next()?)?;
    let (local, local_port) = endpoint(columns.next()?)?;
    let (remote, remote_port) = endpoint(columns.next()?)?;
    let state = narrow(hex(columns.next()?)?)?;
    let (tx_queue, rx_queue) = pair(columns.next()?)?;
    let (timer, ticks) = pair(columns.next()?)?;
    let retrans = clamp(hex(columns.next()?)?);
    let uid = narrow(decimal(columns.next()?)?)?;
    let probes = clamp(decimal(columns.next()?)?);
    let inode = inode(columns.next()?)?;
    Some(InetLine {
        local,
        local_port,
        remote,
        remote_port,
        state,
        tx_queue: clamp(tx_queue),
        rx_queue: clamp(rx_queue),
        timer: narrow(timer)?,
        expires_ms: clamp(ticks.saturating_mul(TICK_MS)),
        retrans,
        probes,
        uid,
        inode,
        drops: drops(columns),
    })
}

/// Returns the record of one line of `/proc/net/unix`, given without its newline (a
/// name may end in any byte); `None` for a malformed one and for the header.
pub fn unix_line(line: &[u8]) -> Option<UnixLine<'_>> {
    let mut columns = LineColumns(line);
    // The socket's address: hashed, zeroed or an error word, by kptr_restrict.
    columns.next()?.strip_suffix(b":")?;
    let _references = hex(columns.next()?)?;
    let _protocol = hex(columns.next()?)?;
    let flags = hex(columns.next()?)?;
    let kind = narrow(hex(columns.next()?)?)?;
    let state = unix_state(flags, hex(columns.next()?)?);
    let inode = inode(columns.next()?)?;
    // One space separates the name, which may have spaces of its own.
    let path = columns.0.strip_prefix(b" ");
    Some(UnixLine { inode, kind, state, path })
}

/// Returns the state inside: `unix_seq_show` prints a `socket_state` for `sk_state`:
/// CONNECTED and CONNECTING are ESTABLISHED with and without a struct socket.
fn unix_state(flags: u64, shown: u64) -> u8 {
    match shown {
        _ if flags & SO_ACCEPTCON != 0 => LISTEN,
        SS_CONNECTED | SS_CONNECTING => ESTABLISHED,
        _ => CLOSE,
    }
}

/// The columns of a line, separated by any number of spaces; the field is
/// what has not been taken yet.
struct LineColumns<'a>(&'a [u8]);

impl<'a> Iterator for LineColumns<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.0.trim_ascii_start();
        if line.is_empty() {
            return None;
        }
        let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
        let (column, rest) = line.split_at_checked(end)?;
        self.0 = rest;
        Some(column)
    }
}

/// Reads `  12:`, the row's place in the kernel's table: only its form is checked.
fn slot(column: &[u8]) -> Option<u64> {
    decimal(column.strip_suffix(b":")?)
}

/// Reads `drops`, when the inode is followed by `ref pointer drops` and nothing
/// else. A TCP row has either two or seven columns there.
fn drops(mut columns: LineColumns) -> Option<u32> {
    let (_references, _pointer) = (columns.next()?, columns.next()?);
    let last = columns.next()?;
    match columns.next() {
        None => Some(clamp(decimal(last)?)),
        Some(_) => None,
    }
}

/// Reads `ADDRESS:PORT`.
fn endpoint(column: &[u8]) -> Option<(ProcAddress, u16)> {
    let (address, port) = split_colon(column)?;
    Some((parse_address(address)?, narrow(hex(port)?)?))
}

/// Reads a word of an address. The kernel prints each as a number of this
/// machine (`%08X` of a `__be32`), so the number's native bytes are the
/// address in network order on either endianness.
fn parse_address(digits: &[u8]) -> Option<ProcAddress> {
    match digits.len() {
        8 => Some(ProcAddress::V4(word(digits)?)),
        32 => {
            let mut octets = [0; 16];
            for (to, from) in octets.chunks_exact_mut(4).zip(digits.chunks_exact(8)) {
                to.copy_from_slice(&word(from)?);
            }
            Some(ProcAddress::V6(octets))
        }
        _ => None,
    }
}

fn word(digits: &[u8]) -> Option<[u8; 4]> {
    Some(narrow::<u32>(hex(digits)?)?.to_ne_bytes())
}

/// Reads `HEX:HEX`.
fn pair(column: &[u8]) -> Option<(u64, u64)> {
    let (first, second) = split_colon(column)?;
    Some((hex(first)?, hex(second)?))
}

fn split_colon(column: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = column.iter().position(|b| *b == b':')?;
    Some((column.get(..colon)?, column.get(colon + 1..)?))
}

/// Reads an inode. The kernel prints an unsigned long, though sockfs numbers are 32 bits
/// (`get_next_ino`); a wider one is cut as inet_diag cuts it (`idiag_inode`).
fn inode(column: &[u8]) -> Option<u32> {
    Some(decimal(column)? as u32)
}

/// Reads one to sixteen hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| Some(n << 4 | u64::from(hex_digit(*b)?)))
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Reads decimal digits that fit 64 bits.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// Narrows what identifies: out of range is malformed.
fn narrow<T: TryFrom<u64>>(number: u64) -> Option<T> {
    T::try_from(number).ok()
}

/// Narrows what measures: out of range is the largest.
fn clamp(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // All rows were recorded by us on Linux 6.18.44 (x86_64, HZ=250), in a
    // private network namespace, from sockets a script of ours had made.
    const LISTENER: &[u8] = b"   1: 0100007F:1B58 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 9517 2 0000000086749665 100 0 0 10 0                      ";
    const ESTABLISHED_4: &[u8] = b"   7: 0100007F:DA84 0100007F:1B58 01 00000064:00000000 01:0000000A 00000001     0        0 9526 2 00000000cfde6dbd 40 0 0 1 -1                       ";
    const CLOSE_WAIT: &[u8] = b"  11: 0100007F:1B58 0100007F:DA68 08 00000000:00000006 02:000AFC39 00000000     0        0 9521 2 000000002db2474f 20 4 28 10 -1                     ";
    const TIME_WAIT: &[u8] = b"   5: 0100007F:DA74 0100007F:1B58 06 00000000:00000000 03:00001729 00000000     0        0 0 3 000000001eaaa5ab                                      ";
    const FIN_WAIT2: &[u8] = b"   6: 0100007F:DA7E 0100007F:1B58 05 00000000:00000000 03:0000172A 00000000     0        0 0 3 0000000050f000a9                                      ";
    const SYN_RECV: &[u8] = b"  17: 0100007F:1B59 0100007F:D756 03 00000000:00000000 01:0000001D 00000000     0        0 0 0 00000000912151ea                                      ";
    const MAPPED: &[u8] = b"  14: 0000000000000000FFFF00000100007F:1C20 0000000000000000FFFF00000100007F:E834 01 00000000:00000000 00:00000000 00000000     0        0 9559 1 00000000740ccd15 20 0 0 10 -1";
    const SYN_RECV_6: &[u8] = b"  12: 00000000000000000000000001000000:1BBD 00000000000000000000000001000000:BDB2 03 00000000:00000000 01:0000001D 00000000     0        0 0 0 00000000f0767b0a";
    const UDP: &[u8] = b" 6430: 0100007F:1B5B 00000000:0000 07 00000000:00000F00 00:00000000 00000000     0        0 9532 2 00000000b7cac1d4 7          ";
    const UDP_6: &[u8] = b" 6530: 00000000000000000000000001000000:1BBF 00000000000000000000000000000000:0000 07 00000000:00000F00 00:00000000 00000000     0        0 9552 2 00000000deee1caa 7";
    const RAW: &[u8] = b" 134: 0100007F:0063 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9535 2 00000000c0ebaf7f 0";
    const RAW_6: &[u8] = b"  133: 00000000000000000000000000000000:003A 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 9554 2 0000000044de9375 0";
    const INET: [&[u8]; 12] = [
        LISTENER,
        ESTABLISHED_4,
        CLOSE_WAIT,
        TIME_WAIT,
        FIN_WAIT2,
        SYN_RECV,
        MAPPED,
        SYN_RECV_6,
        UDP,
        UDP_6,
        RAW,
        RAW_6,
    ];
    const HEADERS: [&[u8]; 4] = [
        b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     ",
        b"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            ",
        b"  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        b"Num       RefCount Protocol Flags    Type St Inode Path",
    ];
    const UNIX_LISTENER: &[u8] =
        b"00000000daf40882: 00000002 00000000 00010000 0001 01  9561 /tmp/proccrate/rec/st.sock";
    const UNIX_WAITING: &[u8] =
        b"000000006f023a18: 00000003 00000000 00000000 0005 02     0 /tmp/proccrate/rec/sp.sock";
    const UNIX_UNNAMED: &[u8] = b"00000000528dc0db: 00000003 00000000 00000000 0002 03  9575";
    const UNIX_ABSTRACT: &[u8] =
        b"0000000018e2b47c: 00000002 00000000 00000000 0002 01  9570 @with space @x";
    const UNIX_BYTES: &[u8] =
        b"00000000c3a50bb0: 00000002 00000000 00000000 0002 01  9572 @\xff\xfe";
    const UNIX_TORN: &[u8] = b"0000000092f2408e: 00000002 00000000 00000000 0002 01  9571 @line";
    const UNIX: [&[u8]; 6] =
        [UNIX_LISTENER, UNIX_WAITING, UNIX_UNNAMED, UNIX_ABSTRACT, UNIX_BYTES, UNIX_TORN];

    fn parsed(line: &[u8]) -> InetLine {
        inet_line(line).unwrap_or_else(|| panic!("{}", line.escape_ascii()))
    }

    fn parsed_unix(line: &[u8]) -> UnixLine<'_> {
        unix_line(line).unwrap_or_else(|| panic!("{}", line.escape_ascii()))
    }

    // The rows come from a little-endian machine: a big-endian one prints the
    // words of an address the other way round.
    #[cfg(target_endian = "little")]
    #[test]
    fn addresses_come_out_in_network_order() {
        assert_eq!(parsed(LISTENER).local, ProcAddress::V4([127, 0, 0, 1]));
        assert_eq!(parsed(LISTENER).remote, ProcAddress::V4([0; 4]));
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
        assert_eq!(parsed(MAPPED).remote, ProcAddress::V6(mapped));
        let loopback = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!(parsed(UDP_6).local, ProcAddress::V6(loopback));
    }

    #[test]
    fn a_listener_counts_who_waits() {
        let row = parsed(LISTENER);
        assert_eq!((row.state, row.local_port, row.remote_port), (10, 7000, 0));
        assert_eq!((row.rx_queue, row.tx_queue), (1, 0));
        assert_eq!((row.inode, row.drops), (9517, None));
    }

    #[test]
    fn timers_are_milliseconds() {
        let row = parsed(ESTABLISHED_4);
        assert_eq!((row.timer, row.expires_ms, row.retrans, row.tx_queue), (1, 100, 1, 100));
        let row = parsed(CLOSE_WAIT);
        assert_eq!((row.state, row.rx_queue, row.timer, row.expires_ms), (8, 6, 2, 7_199_290));
        let row = parsed(TIME_WAIT);
        assert_eq!((row.state, row.timer, row.expires_ms, row.inode), (6, 3, 59_290, 0));
    }

    #[test]
    fn small_records_are_rows_like_others() {
        for (line, state) in [(FIN_WAIT2, 5), (SYN_RECV, 3), (SYN_RECV_6, 3)] {
            let row = parsed(line);
            assert_eq!((row.state, row.inode, row.drops), (state, 0, None));
        }
    }

    #[test]
    fn datagram_rows_have_drops() {
        assert_eq!(parsed(UDP).drops, Some(7));
        assert_eq!(parsed(UDP).rx_queue, 0xf00);
        assert_eq!(parsed(UDP_6).drops, Some(7));
        assert_eq!((parsed(RAW).local_port, parsed(RAW).drops), (99, Some(0)));
        assert_eq!((parsed(RAW_6).local_port, parsed(RAW_6).drops), (58, Some(0)));
    }

    #[test]
    fn columns_after_the_inode_may_be_missing() {
        let line = b"0: 0100007F:1B5B 00000000:0000 07 0:0 0:0 0 0 0 9532";
        assert_eq!((parsed(line).inode, parsed(line).drops), (9532, None));
        assert_eq!(inet_line(b"0: 0100007F:1B5B 00000000:0000 07 0:0 0:0 0 0 0"), None);
    }

    #[test]
    fn what_measures_is_clamped_what_identifies_is_not() {
        let far = b"0: 00000000:0001 00000000:0000 01 0:0 2:FFFFFFFFFFFFFFFF 0 0 0 4294967297";
        assert_eq!((parsed(far).expires_ms, parsed(far).inode), (u32::MAX, 1));
        assert_eq!(inet_line(b"0: 00000000:10000 00000000:0 01 0:0 0:0 0 0 0 1"), None);
        assert_eq!(inet_line(b"0: 00000000:1 00000000:0 100 0:0 0:0 0 0 0 1"), None);
    }

    #[test]
    fn headers_are_headers_and_no_rows() {
        for header in HEADERS {
            assert!(is_header(header));
            assert_eq!((inet_line(header), unix_line(header)), (None, None));
        }
        assert!(!INET.iter().chain(&UNIX).any(|line| is_header(line)));
    }

    #[test]
    fn unix_states_are_tcp_states() {
        let listener = parsed_unix(UNIX_LISTENER);
        assert_eq!((listener.state, listener.kind, listener.inode), (10, 1, 9561));
        assert_eq!(listener.path, Some(&b"/tmp/proccrate/rec/st.sock"[..]));
        let waiting = parsed_unix(UNIX_WAITING);
        assert_eq!((waiting.state, waiting.kind, waiting.inode), (1, 5, 0));
        let unnamed = parsed_unix(UNIX_UNNAMED);
        assert_eq!((unnamed.state, unnamed.kind, unnamed.path), (1, 2, None));
        assert_eq!(parsed_unix(UNIX_ABSTRACT).state, 7);
    }

    #[test]
    fn unix_names_are_raw_bytes() {
        assert_eq!(parsed_unix(UNIX_ABSTRACT).path, Some(&b"@with space @x"[..]));
        assert_eq!(parsed_unix(UNIX_BYTES).path, Some(&b"@\xff\xfe"[..]));
        let spaced = b"0: 2 0 0 0002 01     7   two leading, one trailing ";
        assert_eq!(parsed_unix(spaced).path, Some(&b"  two leading, one trailing "[..]));
    }

    #[test]
    fn a_newline_in_a_name_costs_the_rest_of_the_name() {
        assert_eq!(parsed_unix(UNIX_TORN).path, Some(&b"@line"[..]));
        assert_eq!((unix_line(b"break"), unix_line(b"")), (None, None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (is_header(&line), inet_line(&line), unix_line(&line));
        }

        #[test]
        fn mutated_rows_are_survived(
            which in 0..INET.len() + UNIX.len(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            keep in any::<prop::sample::Index>(),
        ) {
            let row = INET.iter().chain(&UNIX).nth(which).copied().unwrap_or_default();
            let mut line = row.to_vec();
            line[at.index(row.len())] = byte;
            line.truncate(keep.index(row.len() + 1));
            let _ = (is_header(&line), inet_line(&line), unix_line(&line));
        }

        #[test]
        fn what_the_kernel_prints_comes_back(
            local in any::<[u8; 4]>(), remote in any::<[u8; 4]>(), ports in any::<(u16, u16)>(),
            state in any::<u8>(), queues in any::<(u32, u32)>(), timer in any::<u8>(),
            ticks in 0..400_000_000u32, counts in any::<(u32, u32, u32, u32, u32)>(),
        ) {
            let (retrans, uid, probes, inode, drops) = counts;
            let line = format!(
                "{:5}: {:08X}:{:04X} {:08X}:{:04X} {state:02X} {:08X}:{:08X} {timer:02X}:{ticks:08X} {retrans:08X} {uid:5} {probes:8} {inode} 2 00000000b7cac1d4 {drops}",
                1, u32::from_ne_bytes(local), ports.0, u32::from_ne_bytes(remote), ports.1, queues.0, queues.1,
            );
            let expected = InetLine {
                local: ProcAddress::V4(local), local_port: ports.0,
                remote: ProcAddress::V4(remote), remote_port: ports.1,
                state, tx_queue: queues.0, rx_queue: queues.1, timer,
                expires_ms: ticks * 10, retrans, probes, uid, inode, drops: Some(drops),
            };
            prop_assert_eq!(inet_line(line.as_bytes()), Some(expected));
        }
    }
}
