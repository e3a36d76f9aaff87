//! A small machine that is always the same: eighteen sockets, three processes, some parameters.

use crate::kit::Result;
use crate::kit::fakeproc::{FakeProc, Line};

/// A user that no machine has a name for.
pub const NOBODY_S_UID: u32 = 4_242_421;

const ESTABLISHED: u8 = 1;
const SYN_RECV: u8 = 3;
const FIN_WAIT1: u8 = 4;
const TIME_WAIT: u8 = 6;
const CLOSE: u8 = 7;
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;

/// The whole machine.
pub fn machine() -> Result<FakeProc> {
    let proc = FakeProc::new()?;
    proc.table("tcp", &tcp()?)?;
    proc.table("tcp6", &tcp6()?)?;
    proc.table("udp", &udp()?)?;
    proc.table("udp6", &[])?;
    proc.table("raw", &[])?;
    proc.table("raw6", &[])?;
    proc.unix(&[
        (0x10000, 1, 1, 300, "/run/app.sock"),
        (0, 1, 3, 301, "/run/app.sock"),
        (0, 1, 3, 302, ""),
        (0, 2, 1, 303, "@name with blanks"),
    ])?;
    proc.process(1, b"init", &[])?;
    proc.process(640, b"sshd", &[(3, 100), (4, 101)])?;
    proc.process(812, b"\x1b[31mred)\n(R 1", &[(7, 102), (9, 102), (11, 103), (12, 200)])?;
    proc.process(813, b"worker", &[(5, 102), (6, 250), (8, 300)])?;
    for (name, value) in PARAMETERS {
        proc.write(&format!("sys/{name}"), format!("{value}\n"))?;
    }
    proc.write("net/sockstat", "sockets: used 18\nTCP: inuse 9 orphan 1 tw 2 alloc 12 mem 3\n")?;
    Ok(proc)
}

const PARAMETERS: [(&str, &str); 4] = [
    ("net/core/somaxconn", "4096"),
    ("net/ipv4/tcp_max_tw_buckets", "131072"),
    ("net/ipv4/tcp_max_orphans", "131072"),
    ("net/ipv4/tcp_mem", "287901\t383868\t575802"),
];

fn tcp() -> Result<Vec<Line>> {
    let line = Line::new;
    let nobody = "0.0.0.0:0";
    Ok(vec![
        Line { rx_queue: 2, ..line("0.0.0.0:22", nobody, LISTEN, 100)? },
        Line {
            tx_queue: 36,
            timer: (1, 20),
            retransmits: 1,
            ..line("10.0.0.5:22", "10.0.0.9:51234", ESTABLISHED, 101)?
        },
        Line {
            rx_queue: 1,
            uid: NOBODY_S_UID,
            ..line("10.0.0.5:8080", "10.0.0.7:40001", CLOSE_WAIT, 102)?
        },
        Line { uid: NOBODY_S_UID, ..line("10.0.0.5:8080", "10.0.0.7:40002", CLOSE_WAIT, 103)? },
        Line { rx_queue: 6, ..line("10.0.0.5:8080", "10.0.0.7:40003", CLOSE_WAIT, 0)? },
        line("10.0.0.5:8080", "10.0.0.7:40004", ESTABLISHED, 0)?,
        Line { timer: (1, 100), ..line("10.0.0.5:22", "10.0.0.6:1024", SYN_RECV, 0)? },
        Line {
            tx_queue: 1,
            timer: (1, 31),
            retransmits: 2,
            ..line("10.0.0.5:22", "10.0.0.9:51235", FIN_WAIT1, 0)?
        },
        Line { timer: (3, 5_000), ..line("10.0.0.5:33000", "10.0.0.8:443", TIME_WAIT, 0)? },
        Line { timer: (3, 100), ..line("10.0.0.5:33001", "10.0.0.8:443", TIME_WAIT, 0)? },
    ])
}

fn tcp6() -> Result<Vec<Line>> {
    let line = Line::new;
    Ok(vec![
        Line { uid: NOBODY_S_UID, ..line("[::]:8080", "[::]:0", LISTEN, 200)? },
        line("[::ffff:10.0.0.5]:8080", "[::ffff:10.0.0.9]:50000", ESTABLISHED, 201)?,
        Line {
            rx_queue: 1_448,
            ..line("[2001:db8::5]:8080", "[2001:db8::9]:50001", ESTABLISHED, 202)?
        },
    ])
}

fn udp() -> Result<Vec<Line>> {
    let line = Line::new;
    let drops = |drops, line| Line { drops: Some(drops), ..line };
    Ok(vec![
        Line { rx_queue: 4_352, ..drops(7, line("0.0.0.0:53", "0.0.0.0:0", CLOSE, 250)?) },
        drops(0, line("10.0.0.5:40000", "10.0.0.1:53", ESTABLISHED, 251)?),
    ])
}
