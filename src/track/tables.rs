//! The tables whose sockets are tracked, as three bits of a record hold them.

use crate::model::proto::{Family, Proto, TableId};

const fn id(proto: Proto, family: Family) -> TableId {
    TableId { proto, family }
}

/// Seven tables; the eighth code is never written.
const TRACKED: [TableId; 7] = [
    id(Proto::Tcp, Family::Inet),
    id(Proto::Tcp, Family::Inet6),
    id(Proto::Udp, Family::Inet),
    id(Proto::Udp, Family::Inet6),
    id(Proto::Raw, Family::Inet),
    id(Proto::Raw, Family::Inet6),
    id(Proto::Unix, Family::Unix),
];

/// Returns the code of a table; `None` for one that is not tracked.
pub(super) fn code(table: TableId) -> Option<u8> {
    TRACKED.iter().position(|tracked| *tracked == table).map(|at| at as u8)
}

/// Returns the table of a code.
pub(super) fn table(code: usize) -> TableId {
    *TRACKED.get(code).unwrap_or(&TRACKED[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_its_table_and_the_rest_is_not_tracked() {
        for tracked in TRACKED {
            assert_eq!(code(tracked).map(|code| table(code.into())), Some(tracked));
        }
        assert_eq!(code(id(Proto::Mptcp, Family::Inet)), None);
    }
}
