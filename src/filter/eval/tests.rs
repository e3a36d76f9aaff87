//! What single tests say of single rows: yes, no, unknown.

use super::super::parse;
use super::*;
use crate::kernel::inet_diag::{InetMessage, attribute};
use crate::kernel::netlink::Attributes;
use crate::model::owner::Holder;
use crate::model::socket::Socket;

/// A TCP row over IPv4 from 10.0.0.1:40000 to 192.0.2.1:443.
struct Sample {
    state: u8,
    timer: u8,
    queues: [u32; 2],
    inode: u32,
    attributes: Vec<u8>,
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

impl Sample {
    fn new(state: u8) -> Self {
        let mut sample = Self { state, timer: 0, queues: [0, 0], inode: 7, attributes: Vec::new() };
        sample.attribute(attribute::SHUTDOWN, &[0]);
        sample
    }

    fn attribute(&mut self, kind: u16, bytes: &[u8]) {
        self.attributes.extend((4 + bytes.len() as u16).to_ne_bytes());
        self.attributes.extend(kind.to_ne_bytes());
        self.attributes.extend(bytes);
        self.attributes.resize(self.attributes.len().next_multiple_of(4), 0);
    }

    fn socket(&self) -> Socket {
        let mut bytes = vec![2, self.state, self.timer, 2];
        bytes.extend(40000u16.to_be_bytes());
        bytes.extend(443u16.to_be_bytes());
        for address in [[10, 0, 0, 1], [192, 0, 2, 1]] {
            bytes.extend(address);
            bytes.extend([0; 12]);
        }
        let words = [0, 0x5e37, 0, 1000, self.queues[0], self.queues[1], 33, self.inode];
        bytes.extend(words.iter().flat_map(|word: &u32| word.to_ne_bytes()));
        Socket::from_inet_diag(&InetMessage::parse(&bytes).expect("72 bytes"), Proto::Tcp)
    }

    fn ask(&self, text: &str, complete: impl Fn(&mut TestedRow<'_>)) -> Option<bool> {
        let facts = Facts::Inet(Attributes::new(&self.attributes));
        ask(&Row { socket: self.socket(), facts }, text, complete)
    }

    fn says(&self, text: &str) -> Option<bool> {
        self.ask(text, |_| {})
    }
}

fn ask(row: &Row<'_>, text: &str, complete: impl Fn(&mut TestedRow<'_>)) -> Option<bool> {
    let expr = parse(text).expect("parses").expect("not blank");
    let mut subject = TestedRow::new(row);
    complete(&mut subject);
    matches(&expr, &subject)
}

fn unix_row(name: &[u8]) -> Row<'_> {
    let line = crate::kernel::proc_net::unix_line(
        b"0000000000000000: 00000002 00000000 00010000 0001 01 12 /x",
    )
    .expect("a line");
    Row { socket: Socket::from_proc_unix(&line), facts: Facts::ProcPath(name) }
}

#[test]
fn unknown_is_neither_yes_nor_no() {
    let row = Sample::new(1);
    // Nobody looked for owners.
    assert_eq!(row.says("process x"), None);
    assert_eq!(row.says("not process x"), None);
    assert_eq!(row.says("process x or sport 40000"), YES);
    assert_eq!(row.says("process x or sport 1"), None);
    assert_eq!(row.says("process x and sport 40000"), None);
    assert_eq!(row.says("not (process x and sport 1)"), YES);
}

#[test]
fn marks_are_unknown_without_privilege() {
    let mut row = Sample::new(1);
    assert_eq!(row.says("fwmark 0"), None);
    assert_eq!(row.ask("fwmark 0", |subject| subject.marks_visible = true), YES);
    row.attribute(attribute::MARK, &0x11u32.to_ne_bytes());
    assert_eq!(row.says("fwmark 0x11 fwmark 0x10/0x10 not fwmark 0x10"), YES);
    assert_eq!(row.says("fwmark 0x11/0x10"), NO);
}

#[test]
fn queues_are_bytes_or_connections_never_both() {
    let listener = Sample { queues: [4, 3], ..Sample::new(10) };
    assert_eq!(listener.says("queue > limit and queue = 4"), YES);
    assert_eq!(listener.says("queue < 4"), NO);
    assert_eq!(listener.says("recvq > 0"), None);
    let connected = Sample { queues: [4096, 1], ..Sample::new(1) };
    assert_eq!(connected.says("recvq >= 4k and sendq = 1"), YES);
    assert_eq!(connected.says("queue >= limit"), None);
}

#[test]
fn an_age_is_known_within_bounds() {
    let row = Sample::new(1);
    assert_eq!(row.says("age > 1s"), None);
    let cases = [
        ("age > 4s", YES),
        ("age > 5s", None),
        ("age >= 5s", YES),
        ("age > 10s", NO),
        ("age < 5s", NO),
        ("age <= 10s", YES),
        ("age = 7s", None),
        ("age = 11s", NO),
        ("age != 11s", YES),
    ];
    for (text, expected) in cases {
        let between = Age { min_ms: 5_000, max_ms: Some(10_000) };
        assert_eq!(row.ask(text, |subject| subject.age = Some(between)), expected, "{text}");
    }
    let at_least = Age { min_ms: 5_000, max_ms: None };
    assert_eq!(row.ask("age > 1h", |subject| subject.age = Some(at_least)), None);
    // TIME_WAIT: the timer of 60 s has 1 s left.
    let time_wait = Sample { timer: 3, inode: 0, ..Sample::new(6) };
    assert_eq!(time_wait.says("age = 59s and timer timewait"), YES);
}

#[test]
fn a_round_trip_is_unknown_before_it_is_measured() {
    let mut row = Sample { timer: 1, ..Sample::new(1) };
    let mut info = [0; 232];
    row.attribute(attribute::INFO, &info);
    assert_eq!(row.says("rtt < 1s"), None);
    info[68..72].copy_from_slice(&100_000u32.to_ne_bytes());
    let mut row = Sample { timer: 1, ..Sample::new(1) };
    row.attribute(attribute::INFO, &info);
    assert_eq!(row.says("rtt >= 100ms and rtt < 100001us and retrans = 2"), YES);
    assert_eq!(Sample::new(1).says("retrans = 0 timer none"), YES);
}

#[test]
fn any_holder_counts_and_hidden_ones_make_it_unknown() {
    let mut owners = Owners::default();
    owners.add(7, Holder { pid: 10, fd: 3 });
    owners.add(7, Holder { pid: 11, fd: 3 });
    owners.name_process(10, *b"nginx");
    owners.name_process(11, *b"a-very-long-nam");
    let mut hidden = Owners::default();
    hidden.hidden_processes = 1;
    // Leaked, so that the closures may lend them to a subject of any lifetime.
    let (owners, hidden): (&Owners, &Owners) =
        (Box::leak(Box::new(owners)), Box::leak(Box::new(hidden)));
    let row = Sample::new(1);
    let with = |text: &str| row.ask(text, |subject| subject.owners = Some(owners));
    assert_eq!(with("process ng* and pid 11 and not pid 12 and not owner none"), YES);
    // The kernel cut the name after 15 bytes.
    assert_eq!(with("process a-very-long-name-indeed"), YES);
    assert_eq!(with("process a-very-long"), NO);
    let of_hidden = |text: &str| row.ask(text, |subject| subject.owners = Some(hidden));
    assert_eq!(of_hidden("owner none"), None);
    assert_eq!(of_hidden("not process x"), None);
    let free = Sample { inode: 0, ..Sample::new(8) };
    assert_eq!(free.ask("owner none and not process x", |_| {}), YES);
}

struct Groups;

impl Lookup for Groups {
    fn cgroup_path(&self, id: u64) -> Option<&str> {
        (id == 5).then_some("/system.slice/nginx.service/worker")
    }

    fn unix_name(&self, _: u32) -> Option<&str> {
        None
    }
}

#[test]
fn cgroups_are_exact_or_with_all_below() {
    let mut row = Sample::new(1);
    row.attribute(attribute::CGROUP_ID, &5u64.to_ne_bytes());
    let with = |text: &str| row.ask(text, |subject| subject.lookup = &Groups);
    assert_eq!(with("cgroup 5 and unit nginx and unit nginx.service and unit ng*"), YES);
    assert_eq!(with("cgroup /system.slice/"), YES);
    assert_eq!(with("cgroup /system.slice/nginx.service/worker/"), YES);
    assert_eq!(with("cgroup /system.slice/nginx/"), NO);
    assert_eq!(with("cgroup /system.slice"), NO);
    // The group was removed, its path with it.
    assert_eq!(row.says("cgroup /system.slice/"), None);
    // A minisocket has no group.
    assert_eq!(Sample::new(6).says("not cgroup 5"), None);
}

#[test]
fn facts_of_inet_sockets_are_unknown_for_unix_sockets_and_back() {
    let row = unix_row(b"/run/Docker.sock");
    assert_eq!(ask(&row, "src unix:/run/docker.*", |_| {}), YES);
    assert_eq!(ask(&row, "src * and not autobound", |_| {}), YES);
    for text in ["sport 1", "not sport 1", "src 0/0", "dev 0", "scope any", "cgroup 1"] {
        assert_eq!(ask(&row, text, |_| {}), None, "{text}");
    }
    let abstract_row = unix_row(b"@00ab1");
    assert_eq!(ask(&abstract_row, "src unix:@00* and autobound", |_| {}), YES);
    assert_eq!(Sample::new(1).says("src unix:*"), None);
}

#[test]
fn what_proc_does_not_tell_is_unknown() {
    let row = Row { socket: Sample::new(1).socket(), facts: Facts::None };
    assert_eq!(ask(&row, "dev 0", |_| {}), None);
    assert_eq!(ask(&row, "rtt > 1s", |_| {}), None);
    assert_eq!(ask(&row, "drops > 0", |_| {}), None);
    assert_eq!(ask(&row, "user 33 inode 7 cookie 0x5e37 scope private", |_| {}), YES);
    assert_eq!(ask(&row, "autobound", |_| {}), None);
    let known = |subject: &mut TestedRow<'_>| subject.ephemeral = Some((32768, 60999));
    assert_eq!(ask(&row, "autobound", known), YES);
}
