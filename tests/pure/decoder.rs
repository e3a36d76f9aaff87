//! Our decoders against recorded dumps: they agree with the owned parse of
//! netlink-packet-sock-diag, and damage never costs more than what it hits.

use std::ops::ControlFlow;
use std::path::Path;

use netlink_packet_core::{Nla as _, Parseable};
use netlink_packet_sock_diag::inet::{InetResponse, nlas::Nla};
use netlink_packet_sock_diag::unix::{UnixResponse, nlas::Nla as UnixNla};
use proptest::prelude::*;
use sockstate::testing::kernel::inet_diag::{InetMessage, MEMORY_FIELDS, attribute};
use sockstate::testing::kernel::netlink::{Datagram, Dump, Progress};
use sockstate::testing::kernel::unix_diag::UnixMessage;
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::proto::Proto;
use sockstate::testing::model::queues::Queues;
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;

/// Sequence number of every recorded request.
const SEQ: u32 = 1;
const INET: [&str; 4] = ["tcp4.dump", "tcp4-details.dump", "tcp6-details.dump", "udp4.dump"];

fn recorded(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rows(bytes: &[u8]) -> (Progress, Vec<Vec<u8>>) {
    let mut rows = Vec::new();
    let datagram = Datagram { bytes, full_len: bytes.len(), sender: 0 };
    let progress = Dump::new(SEQ).feed(datagram, &mut |row| {
        rows.push(row.to_vec());
        ControlFlow::Continue(())
    });
    (progress, rows)
}

#[test]
fn every_inet_row_agrees_with_the_crate() {
    for name in INET {
        let (progress, rows) = rows(&recorded(name));
        assert_eq!(progress, Progress::Done, "{name}");
        assert!(rows.len() >= 2, "{name} has rows");
        for row in &rows {
            let theirs = InetResponse::parse(row.as_slice()).expect("the crate parses it");
            compare_inet(&InetMessage::parse(row).expect("we decode it"), &theirs);
        }
    }
}

fn compare_inet(ours: &InetMessage<'_>, theirs: &InetResponse) {
    let header = &theirs.header;
    assert_eq!((ours.family(), ours.state()), (header.family, header.state));
    let id = &header.socket_id;
    let socket = Socket::from_inet_diag(ours, Proto::Tcp);
    let (local, remote) = (socket.local().expect("inet"), socket.remote().expect("inet"));
    assert_eq!((local.port, remote.port), (id.source_port, id.destination_port));
    assert_eq!(local.address, id.source_address.into());
    assert_eq!(remote.address, id.destination_address.into());
    assert_eq!(ours.ifindex(), id.interface_id);
    assert_eq!(ours.cookie().to_ne_bytes(), id.cookie);
    assert_eq!((ours.rqueue(), ours.wqueue()), (header.recv_queue, header.send_queue));
    assert_eq!((ours.uid(), ours.inode()), (header.uid, header.inode));
    for nla in &theirs.nlas {
        let payload = ours.attributes.find(nla.kind()).expect("the same attributes");
        assert_eq!(payload.len(), nla.value_len(), "attribute {}", nla.kind());
        compare_attribute(Facts::Inet(ours.attributes), nla, payload);
    }
    assert_eq!(ours.attributes.into_iter().count(), theirs.nlas.len());
}

fn compare_attribute(facts: Facts<'_>, nla: &Nla, payload: &[u8]) {
    match nla {
        Nla::TcpInfo(bytes) => assert_eq!(bytes, payload),
        Nla::Congestion(name) => assert_eq!(facts.congestion(), Some(name.as_str())),
        Nla::Shutdown(bits) => assert_eq!(facts.shutdown(), Some(*bits)),
        Nla::Mark(mark) => assert_eq!(facts.mark(), Some(*mark)),
        Nla::SkV6Only(only) => assert_eq!(facts.v6_only(), Some(*only)),
        Nla::MemInfo(memory) => {
            let ours = facts.memory().expect("the attribute is there");
            assert_eq!(ours.get(&MEMORY_FIELDS[0]), Some(memory.receive_queue));
            assert_eq!(ours.get(&MEMORY_FIELDS[1]), Some(memory.receive_queue_max));
            assert_eq!(ours.get(&MEMORY_FIELDS[3]), Some(memory.send_queue_max));
            assert_eq!(ours.drops(), Some(memory.drops));
        }
        _ => {}
    }
}

#[test]
fn every_unix_row_agrees_with_the_crate() {
    let (progress, rows) = rows(&recorded("unix.dump"));
    assert_eq!(progress, Progress::Done);
    for row in &rows {
        let theirs = UnixResponse::parse(row.as_slice()).expect("the crate parses it");
        let ours = UnixMessage::parse(row).expect("we decode it");
        let header = &theirs.header;
        assert_eq!((ours.kind(), ours.state()), (header.kind, header.state));
        assert_eq!((ours.inode(), ours.cookie().to_ne_bytes()), (header.inode, header.cookie));
        for nla in &theirs.nlas {
            match nla {
                UnixNla::Peer(inode) => assert_eq!(ours.attributes.peer_inode(), Some(*inode)),
                UnixNla::ReceiveQueueLength(r, w) => {
                    assert_eq!(ours.attributes.queues(), Some((*r, *w)));
                }
                _ => {}
            }
        }
    }
    let names: Vec<Vec<u8>> = rows
        .iter()
        .filter_map(|row| UnixMessage::parse(row)?.attributes.name().map(<[u8]>::to_vec))
        .collect();
    assert!(names.contains(&b"\0sockstate recorded\n\x1b[31m".to_vec()), "names are raw");
}

#[test]
fn short_tcp_info_and_memory_keep_the_row() {
    let (_, rows) = rows(&recorded("tcp4-details.dump"));
    for row in &rows {
        let fixed = sockstate::testing::kernel::inet_diag::MESSAGE_LEN;
        for len in fixed..row.len() {
            let message = InetMessage::parse(&row[..len]).expect("the fixed part is whole");
            use_everything(&message);
        }
    }
}

/// Asks a row for all it knows.
fn use_everything(message: &InetMessage<'_>) {
    let socket = Socket::from_inet_diag(message, Proto::Tcp);
    let row = Row { socket, facts: Facts::Inet(message.attributes) };
    let _ = Queues::of(&row);
    let _ = sockstate::testing::model::age::Age::of(&row);
    let _ = sockstate::testing::model::standing::Standing::of(&row);
    let facts = row.facts;
    let _ = (facts.drops(), facts.cgroup_id(), facts.congestion(), facts.mark(), facts.v6_only());
    if let Some(info) = row.tcp_info() {
        for field in sockstate::testing::kernel::tcp_info::FIELDS {
            let _ = info.get(field);
        }
    }
    let _ = message.attributes.find(attribute::INFO);
}

proptest! {
    #[test]
    fn a_damaged_dump_keeps_every_row_before_the_damage(
        which in 0usize..INET.len(),
        at in any::<prop::sample::Index>(),
        with in any::<u8>(),
    ) {
        let whole = recorded(INET[which]);
        let (_, intact) = rows(&whole);
        let mut damaged = whole.clone();
        let at = at.index(damaged.len());
        damaged[at] = with;
        let (_, found) = rows(&damaged);
        let mut end = 0;
        let before = intact.iter().take_while(|row| {
            end += (16 + row.len() + 3) & !3;
            end <= at
        }).count();
        prop_assert!(found.len() >= before);
        prop_assert_eq!(&found[..before], &intact[..before]);
        found.iter().filter_map(|row| InetMessage::parse(row)).for_each(|m| use_everything(&m));
    }

    #[test]
    fn a_cut_dump_keeps_every_whole_row(which in 0usize..INET.len(), at in any::<prop::sample::Index>()) {
        let whole = recorded(INET[which]);
        let (_, intact) = rows(&whole);
        let cut = at.index(whole.len());
        let (_, found) = rows(&whole[..cut]);
        prop_assert!(intact.starts_with(&found));
    }
}
