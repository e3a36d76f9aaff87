//! Counters of the network stack by name: `/proc/net/{snmp,snmp6,netstat,sockstat,sockstat6}`.
//!
//! Every number belongs to one network namespace except sockstat's `orphan`,
//! `alloc` and `mem`, which count the whole host (`sockstat_seq_show`,
//! net/ipv4/proc.c). A field the kernel did not print is absent, never zero.

/// The contents of one reading of the files.
///
/// Groups of snmp and netstat are written `Tcp`, `TcpExt`, those of sockstat
/// `TCP`, `TCP6`: the case keeps them apart, so one value holds all files.
/// Parse each file once into a fresh value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    groups: Vec<CounterGroup>,
}

/// One line's worth of fields. The names stay one string, as printed: a
/// reading costs three allocations a group instead of one a field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CounterGroup {
    name: String,
    names: String,
    values: Vec<Option<u64>>,
}

/// Group and its columns, from `Group: columns`.
type CounterLine<'a> = (&'a [u8], &'a [u8]);

impl Counters {
    /// Adds what snmp or netstat says (`snmp_seq_show`, `netstat_seq_show` in
    /// net/ipv4/proc.c): two lines a group, `Tcp: names` and `Tcp: values`.
    ///
    /// Returns how many groups were malformed and therefore left out.
    pub fn parse_pairs(&mut self, file: &[u8]) -> usize {
        let mut malformed = 0;
        let mut names: Option<CounterLine> = None;
        for line in lines(file) {
            match (split_group(line), names.take()) {
                (Some((group, values)), Some((named, columns))) if group == named => {
                    malformed += usize::from(!self.add(group, columns, values));
                }
                (Some(line), left_over) => {
                    malformed += usize::from(left_over.is_some());
                    names = Some(line);
                }
                (None, _) => malformed += 1,
            }
        }
        malformed + usize::from(names.is_some())
    }

    /// Adds what sockstat or sockstat6 says (`sockstat_seq_show`,
    /// `sockstat6_seq_show`): one line a group, `TCP: inuse 5 orphan 0`.
    ///
    /// Returns how many groups were malformed and therefore left out.
    pub fn parse_sockstat(&mut self, file: &[u8]) -> usize {
        let added = lines(file).map(|line| self.add_alternating(line));
        added.filter(|added| added.is_none()).count()
    }

    /// Adds what snmp6 says (`snmp6_seq_show`, net/ipv6/proc.c), the only
    /// place of the UDP counters of IPv6: `Udp6RcvbufErrors   3` becomes field
    /// `RcvbufErrors` of group `Udp6`.
    ///
    /// Returns how many lines were malformed and therefore left out.
    pub fn parse_snmp6(&mut self, file: &[u8]) -> usize {
        let added = lines(file).map(|line| self.add_single(line));
        added.filter(|added| added.is_none()).count()
    }

    /// Returns the value of a field, as in `get("TcpExt", "ListenOverflows")`; `None`
    /// where the kernel does not have it or states no number
    /// (`Tcp.MaxConn` is -1: no limit).
    pub fn get(&self, group: &str, name: &str) -> Option<u64> {
        let groups = self.groups.iter().filter(|g| g.name == group);
        groups.flat_map(CounterGroup::fields).find(|(n, _)| *n == name)?.1
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Tells whether the group was well formed: as many values as names.
    fn add(&mut self, group: &[u8], names: &[u8], values: &[u8]) -> bool {
        let group = CounterGroup::new(group, names, values);
        let well_formed = group.is_some();
        // A group may come more than once: IcmpMsg does when it has more than
        // 16 types (`icmpmsg_put`).
        self.groups.extend(group);
        well_formed
    }

    fn add_alternating(&mut self, line: &[u8]) -> Option<()> {
        let (group, columns) = split_group(line)?;
        let (mut names, mut values) = (String::new(), Vec::new());
        let mut words = words(columns);
        while let Some(name) = words.next() {
            append(&mut names, str::from_utf8(name).ok()?);
            values.push(value(words.next()?)?);
        }
        let name = str::from_utf8(group).ok()?.to_owned();
        self.groups.push(CounterGroup { name, names, values });
        Some(())
    }

    fn add_single(&mut self, line: &[u8]) -> Option<()> {
        let mut words = words(line);
        let (full_name, value) = (str::from_utf8(words.next()?).ok()?, value(words.next()?)?);
        let end = full_name.find('6')? + 1;
        let (group, name) = full_name.split_at_checked(end)?;
        if name.is_empty() || words.next().is_some() {
            return None;
        }
        let group = self.last_group(group)?;
        append(&mut group.names, name);
        group.values.push(value);
        Some(())
    }

    /// Returns the last group, or a new one when that has another name.
    fn last_group(&mut self, name: &str) -> Option<&mut CounterGroup> {
        if self.groups.last().is_none_or(|last| last.name != name) {
            let (names, values) = (String::new(), Vec::new());
            self.groups.push(CounterGroup { name: name.to_owned(), names, values });
        }
        self.groups.last_mut()
    }
}

impl CounterGroup {
    fn new(name: &[u8], names: &[u8], values: &[u8]) -> Option<Self> {
        let values = words(values).map(value).collect::<Option<Vec<_>>>()?;
        let name = str::from_utf8(name).ok()?.to_owned();
        let names = str::from_utf8(names).ok()?.trim_ascii().to_owned();
        // With a name too many or too few, which value is whose is a guess.
        let well_formed = names.split_ascii_whitespace().count() == values.len();
        well_formed.then_some(Self { name, names, values })
    }

    fn fields(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        self.names.split_ascii_whitespace().zip(self.values.iter().copied())
    }
}

/// Returns the lines that are not empty.
fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn split_group(line: &[u8]) -> Option<CounterLine<'_>> {
    let colon = line.iter().position(|b| *b == b':')?;
    let group = line.get(..colon).filter(|group| !group.is_empty())?;
    Some((group, line.get(colon + 1..)?))
}

fn append(names: &mut String, name: &str) {
    if !names.is_empty() {
        names.push(' ');
    }
    names.push_str(name);
}

/// Returns a number: `Some(None)` when it is one but says nothing.
///
/// That is -1 (`Tcp.MaxConn`), and a value of 2^63 and more: a gauge such as
/// CurrEstab is the sum of counters per CPU, read one after the other
/// (`snmp_fold_field`), and a decrement seen without its increment on another
/// CPU makes that sum negative for a moment.
fn value(word: &[u8]) -> Option<Option<u64>> {
    let text = str::from_utf8(word).ok()?;
    let number: i128 = text.parse().ok()?;
    Some(i64::try_from(number).ok().and_then(|n| u64::try_from(n).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Recorded by us on Linux 6.18.44 in a private network namespace with
    // sockets of ours; IPv6 and TcpExt shortened by whole columns.
    const SNMP: &[u8] = b"Ip: Forwarding DefaultTTL InReceives\n\
Ip: 2 64 48\n\
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n\
Tcp: 1 200 120000 -1 17 13 0 0 20 73 69 4 0 2 0\n\
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors\n\
Udp: 0 0 7 10 7 0 0 0 0\n";
    const NETSTAT: &[u8] = b"TcpExt: SyncookiesSent SyncookiesRecv ListenOverflows ListenDrops TCPAbortOnClose\n\
TcpExt: 0 0 3 4 98\n\
IpExt: InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets\n\
IpExt: 0 0 0 0 0 0 49673191 383021\n";
    const SOCKSTAT: &[u8] = b"sockets: used 61\n\
TCP: inuse 15 orphan 2 tw 4 alloc 34 mem 0\n\
UDP: inuse 2 mem 0\n\
FRAG: inuse 0 memory 0\n";
    const SNMP6: &[u8] = b"Ip6InReceives                   \t45\n\
Udp6InErrors                    \t7\n\
Udp6RcvbufErrors                \t7\n\
UdpLite6InErrors                \t0\n";

    fn all() -> Counters {
        let mut counters = Counters::default();
        assert_eq!(counters.parse_pairs(SNMP), 0);
        assert_eq!(counters.parse_pairs(NETSTAT), 0);
        assert_eq!(counters.parse_sockstat(SOCKSTAT), 0);
        assert_eq!(counters.parse_snmp6(SNMP6), 0);
        counters
    }

    /// Returns every field with a value.
    fn known(counters: &Counters) -> Vec<(&str, &str, u64)> {
        counters
            .groups
            .iter()
            .flat_map(|group| {
                let known =
                    |(name, value): (_, Option<u64>)| Some((group.name.as_str(), name, value?));
                group.fields().filter_map(known)
            })
            .collect()
    }

    #[test]
    fn fields_are_found_by_group_and_name() {
        let counters = all();
        for (group, name, value) in [
            ("Tcp", "CurrEstab", 20),
            ("TcpExt", "ListenOverflows", 3),
            ("TcpExt", "TCPAbortOnClose", 98),
            ("IpExt", "OutOctets", 383_021),
            ("Udp", "InErrors", 7),
            ("sockets", "used", 61),
            ("TCP", "orphan", 2),
            ("TCP", "tw", 4),
            ("UDP", "inuse", 2),
            ("Ip6", "InReceives", 45),
            ("Udp6", "RcvbufErrors", 7),
            ("UdpLite6", "InErrors", 0),
        ] {
            assert_eq!(counters.get(group, name), Some(value), "{group} {name}");
        }
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let counters = all();
        assert_eq!(counters.get("TcpExt", "TCPReqQFullDrop"), None);
        assert_eq!(counters.get("Sctp", "CurrEstab"), None);
        assert_eq!(counters.get("TCP6", "inuse"), None);
        assert_eq!(Counters::default().get("Tcp", "CurrEstab"), None);
    }

    #[test]
    fn a_value_that_says_nothing_is_absent_and_moves_no_neighbour() {
        assert_eq!(all().get("Tcp", "MaxConn"), None);
        assert_eq!(all().get("Tcp", "ActiveOpens"), Some(17));
        let mut counters = Counters::default();
        // The sum -1 as the kernel prints it (%lu).
        assert_eq!(counters.parse_pairs(b"Tcp: A CurrEstab B\nTcp: 1 18446744073709551615 2"), 0);
        assert_eq!(counters.get("Tcp", "CurrEstab"), None);
        assert_eq!(counters.get("Tcp", "B"), Some(2));
    }

    #[test]
    fn a_malformed_group_is_counted_and_loses_only_itself() {
        for (file, malformed) in [
            (&b"A: x y\nA: 1\nTcp: n\nTcp: 5\n"[..], 1),
            (b"A: x y\nA: 1 two\nTcp: n\nTcp: 5", 1),
            (b"A: x\nTcp: n\nTcp: 5\nB: z\n", 2),
            (b"A: x\ngarbage\nTcp: n\nTcp: 5", 1),
            (b"\xff: x\n\xff: 1\nTcp: n\nTcp: 5", 1),
            (b"\n\nTcp: n\n\nTcp: 5\n", 0),
        ] {
            let mut counters = Counters::default();
            assert_eq!(counters.parse_pairs(file), malformed, "{}", file.escape_ascii());
            assert_eq!(known(&counters), [("Tcp", "n", 5)]);
        }
    }

    #[test]
    fn a_malformed_sockstat_line_loses_only_itself() {
        let mut counters = Counters::default();
        let file = b"TCP: inuse 1 orphan\nUDP inuse 3\nRAW: inuse x\nTCP6: inuse 7 mem 1\n";
        assert_eq!(counters.parse_sockstat(file), 3);
        assert_eq!(known(&counters), [("TCP6", "inuse", 7), ("TCP6", "mem", 1)]);
    }

    #[test]
    fn a_malformed_snmp6_line_loses_only_itself() {
        let mut counters = Counters::default();
        assert_eq!(counters.parse_snmp6(b"Udp6 1\nNoDigit 1\nUdp6A x\nUdp6B 2 3\nUdp6C 4"), 4);
        assert_eq!(known(&counters), [("Udp6", "C", 4)]);
    }

    #[test]
    fn a_group_printed_twice_is_one() {
        let mut counters = Counters::default();
        let file = b"IcmpMsg: InType3\nIcmpMsg: 1\nIcmpMsg: OutType3\nIcmpMsg: 2\n";
        assert_eq!(counters.parse_pairs(file), 0);
        assert_eq!(counters.get("IcmpMsg", "InType3"), Some(1));
        assert_eq!(counters.get("IcmpMsg", "OutType3"), Some(2));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(file in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut counters = Counters::default();
            counters.parse_pairs(&file);
            counters.parse_sockstat(&file);
            counters.parse_snmp6(&file);
            prop_assert_eq!(counters.get("", ""), None);
        }

        #[test]
        fn mutated_files_are_survived(
            which in 0..4usize,
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            keep in any::<prop::sample::Index>(),
        ) {
            let original = [SNMP, NETSTAT, SOCKSTAT, SNMP6][which];
            let mut file = original.to_vec();
            file[at.index(original.len())] = byte;
            file.truncate(keep.index(original.len() + 1));
            let mut counters = Counters::default();
            counters.parse_pairs(&file);
            counters.parse_sockstat(&file);
            counters.parse_snmp6(&file);
            prop_assert!(known(&counters).len() <= 40);
        }
    }
}
