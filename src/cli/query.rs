//! `-A`: tables by the words of `ss`, and of unix, packet and vsock sockets
//! those of one type.

use std::str::FromStr;

use crate::model::proto::Proto::{self, Packet, Unix, Vsock};
use crate::model::socket::SocketType::{self, Dgram, Raw, Seqpacket, Stream};

/// The meaning of a word: a protocol, or its sockets of one type.
type TableWord = (Proto, Option<SocketType>);

/// Every word for one part, that of help first.
const WORDS: &[(&str, TableWord)] = &[
    ("tcp", (Proto::Tcp, None)),
    ("mptcp", (Proto::Mptcp, None)),
    ("udp", (Proto::Udp, None)),
    ("udplite", (Proto::Udplite, None)),
    ("raw", (Proto::Raw, None)),
    ("ping", (Proto::Ping, None)),
    ("sctp", (Proto::Sctp, None)),
    ("dccp", (Proto::Dccp, None)),
    ("unix", (Unix, None)),
    ("unix_stream", (Unix, Some(Stream))),
    ("unix_dgram", (Unix, Some(Dgram))),
    ("unix_seqpacket", (Unix, Some(Seqpacket))),
    ("netlink", (Proto::Netlink, None)),
    ("packet", (Packet, None)),
    ("packet_raw", (Packet, Some(Raw))),
    ("packet_dgram", (Packet, Some(Dgram))),
    ("vsock", (Vsock, None)),
    ("vsock_stream", (Vsock, Some(Stream))),
    ("vsock_dgram", (Vsock, Some(Dgram))),
];

/// Shorter forms that `ss` understands.
const SHORT: &[(&str, &str)] = &[
    ("u_str", "unix_stream"),
    ("u_dgr", "unix_dgram"),
    ("u_seq", "unix_seqpacket"),
    ("p_raw", "packet_raw"),
    ("p_dgr", "packet_dgram"),
    ("v_str", "vsock_stream"),
    ("v_dgr", "vsock_dgram"),
];

/// One word of `-A`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// `!tcp` takes away what `tcp` would add.
    takes_away: bool,
    parts: Vec<TableWord>,
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix('!').unwrap_or(text);
        let name = SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
        let whole = || WORDS.iter().map(|(_, part)| *part).filter(|(_, kind)| kind.is_none());
        let parts: Vec<TableWord> = match name {
            "all" => whole().collect(),
            "inet" => whole().filter(|(proto, _)| proto.is_internet()).collect(),
            name => WORDS.iter().filter(|(word, _)| *word == name).map(|(_, part)| *part).collect(),
        };
        if parts.is_empty() {
            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
            return Err(format!("use all, inet, {}, or one with ! before it", words.join(", ")));
        }
        Ok(Self { takes_away: text.starts_with('!'), parts })
    }
}

/// The tables that flags and words name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The protocols.
    pub protos: Vec<Proto>,
    /// The types, where only sockets of some types of a protocol are named.
    pub kinds: Vec<(Proto, SocketType)>,
}

impl Query {
    /// Combines what `flags` name with the words, one by one; a first word that
    /// takes away begins with everything.
    pub fn of(flags: impl Iterator<Item = Proto>, words: &[Word]) -> Self {
        let mut query = Self { protos: flags.collect(), kinds: Vec::new() };
        if query.protos.is_empty() && words.first().is_some_and(|word| word.takes_away) {
            let whole = WORDS.iter().filter(|(_, (_, kind))| kind.is_none());
            query.protos = whole.map(|(_, (proto, _))| *proto).collect();
        }
        for word in words {
            for part in &word.parts {
                if word.takes_away { query.remove(*part) } else { query.add(*part) }
            }
        }
        query
    }

    fn kinds_of(&self, proto: Proto) -> impl Iterator<Item = SocketType> {
        self.kinds.iter().filter(move |(of, _)| *of == proto).map(|(_, kind)| *kind)
    }

    fn add(&mut self, (proto, kind): TableWord) {
        let has_all = self.protos.contains(&proto) && self.kinds_of(proto).next().is_none();
        if !self.protos.contains(&proto) {
            self.protos.push(proto);
        }
        match kind {
            Some(kind) if !has_all => self.kinds.push((proto, kind)),
            Some(_) => {}
            None => self.kinds.retain(|(of, _)| *of != proto),
        }
    }

    fn remove(&mut self, (proto, kind): TableWord) {
        if kind.is_some() && self.protos.contains(&proto) && self.kinds_of(proto).next().is_none() {
            let known = WORDS.iter().filter_map(|(_, (of, kind))| Some((*of, (*kind)?)));
            self.kinds.extend(known.filter(|(of, _)| *of == proto));
        }
        self.kinds.retain(|(of, has)| *of != proto || kind.is_some_and(|kind| kind != *has));
        if self.kinds_of(proto).next().is_none() {
            self.protos.retain(|of| *of != proto);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(flags: &[Proto], words: &str) -> Query {
        let words: Vec<Word> = words.split(',').map(|w| w.parse().expect("a word")).collect();
        Query::of(flags.iter().copied(), &words)
    }

    #[test]
    fn words_add_and_take_away() {
        assert_eq!(query(&[], "tcp,udp").protos, [Proto::Tcp, Proto::Udp]);
        assert_eq!(query(&[Proto::Udp], "tcp").protos, [Proto::Udp, Proto::Tcp]);
        assert_eq!(query(&[], "tcp,udp,!tcp").protos, [Proto::Udp]);
        let rest = query(&[], "!tcp").protos;
        assert!(rest.contains(&Proto::Netlink) && !rest.contains(&Proto::Tcp));
        assert!(query(&[], "inet").protos.iter().all(|proto| proto.is_internet()));
        assert_eq!(query(&[], "all,!all"), Query::default());
    }

    #[test]
    fn types_narrow_a_protocol_until_the_whole_is_named() {
        let one = query(&[], "u_str");
        assert_eq!((one.protos, one.kinds), (vec![Unix], vec![(Unix, Stream)]));
        assert_eq!(query(&[], "unix_stream,unix").kinds, []);
        assert_eq!(query(&[], "unix,unix_stream").kinds, []);
        assert_eq!(query(&[Unix], "unix_stream").kinds, []);
        assert_eq!(query(&[], "unix,!u_dgr").kinds, [(Unix, Stream), (Unix, Seqpacket)]);
        assert_eq!(query(&[], "tcp,u_str,!u_str").protos, [Proto::Tcp]);
        assert_eq!(query(&[], "tcp,!u_str").protos, [Proto::Tcp]);
        let two = query(&[], "p_raw,v_str");
        assert_eq!(two.kinds, [(Packet, Raw), (Vsock, Stream)]);
    }

    #[test]
    fn a_word_that_is_none_is_told_all_of_them() {
        let told = "tipc".parse::<Word>().expect_err("no such table");
        assert!(told.contains("all, inet, tcp") && told.contains("vsock_dgram"), "{told}");
    }
}
