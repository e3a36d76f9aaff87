//! Messages as Linux 6.18.44 lays them out; real ones come in `tests/kernel/trace/destroy.rs`.

use proptest::prelude::*;

use super::*;

/// A message of 72 bytes with attributes PROTOCOL and INFO behind.
fn message(family: u8, local: &[u8], remote: &[u8], ports: (u16, u16)) -> Vec<u8> {
    let mut bytes = vec![0; 72];
    (bytes[0], bytes[1]) = (family, 7);
    bytes[4..6].copy_from_slice(&ports.0.to_be_bytes());
    bytes[6..8].copy_from_slice(&ports.1.to_be_bytes());
    bytes[8..8 + local.len()].copy_from_slice(local);
    bytes[24..24 + remote.len()].copy_from_slice(remote);
    bytes[40..44].copy_from_slice(&3u32.to_ne_bytes());
    bytes[44..48].copy_from_slice(&0x5e37u32.to_ne_bytes());
    bytes.extend([5, 0, 10, 0, 6, 0, 0, 0]);
    bytes.extend([(4 + 280u16).to_ne_bytes(), 2u16.to_ne_bytes()].concat());
    bytes.extend(vec![1; 280]);
    bytes
}

const LOCALHOST: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1];

#[test]
fn a_socket_connected_to_the_last_is_told_whole() {
    let end = DestroyedSocket::parse(&message(2, &[127, 0, 0, 1], &[127, 0, 0, 1], (80, 5000)));
    let end = end.expect("a whole message");
    let ends = DestroyedEnds::Both { local: LOCALHOST, remote: LOCALHOST, remote_port: 5000 };
    assert_eq!((end.family, end.protocol, end.local_port, end.ends), (2, Some(6), 80, ends));
    assert_eq!((end.cookie, end.ifindex), (NonZeroU64::new(0x5e37), 3));
}

#[test]
fn what_was_wiped_is_not_told() {
    let end = DestroyedSocket::parse(&message(2, &[], &[127, 0, 0, 1], (80, 0)))
        .expect("a whole message");
    assert_eq!((end.ends, end.local_port), (DestroyedEnds::PortOnly, 80));
    assert!(end.cookie.is_some());
    let listener =
        DestroyedSocket::parse(&message(10, &LOCALHOST, &[], (80, 0))).expect("a whole message");
    assert_eq!(listener.ends, DestroyedEnds::Local { local: LOCALHOST });
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        flip in 0usize..360,
        byte in any::<u8>(),
    ) {
        let _ = DestroyedSocket::parse(&bytes);
        let mut mutated = message(2, &[127, 0, 0, 1], &[127, 0, 0, 1], (80, 5000));
        mutated[flip] = byte;
        let _ = DestroyedSocket::parse(&mutated[..mutated.len() - flip % 9]);
    }
}
