//! Finds tests for which `/proc/net` has no answer.

use crate::model::proto::{Proto, TableId};

use super::ast::{Amount, Expr, HostTest, Predicate, Quantity, SocketEnd};

/// Returns the first test in `expr` of a fact that no file in `/proc/net` has for any
/// of `tables`. Such a test would be unknown for every row and select nothing,
/// which looks as if there were nothing.
pub fn unseen_in_proc(expr: &Expr, tables: &[TableId]) -> Option<String> {
    let inet = || tables.iter().any(|table| table.family.is_internet());
    let counts_drops = |table: &TableId| match table.proto {
        Proto::Tcp | Proto::Unix | Proto::Packet => false,
        _ => table.proc_file().is_some(),
    };
    let seen = |test: &&Predicate| match test {
        Predicate::Device(_) => tables.iter().any(|table| table.proto == Proto::Packet),
        Predicate::Mark { .. }
        | Predicate::Cgroup(_)
        | Predicate::Unit(_)
        | Predicate::Cookie(_)
        | Predicate::Number(Quantity::RoundTrip, ..)
        | Predicate::Number(_, _, Amount::Limit)
        | Predicate::Host(SocketEnd::Remote, HostTest::Unix(_)) => false,
        Predicate::Number(Quantity::Drops, ..) => tables.iter().any(counts_drops),
        Predicate::User(_)
        | Predicate::Number(
            Quantity::RecvQueue | Quantity::SendQueue | Quantity::AcceptQueue,
            ..,
        ) => inet(),
        _ => true,
    };
    expr.predicates().into_iter().find(|test| !seen(test)).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn what_no_table_tells_is_named() {
        let unseen = |text: &str, protos: &[Proto]| {
            let expr = parse(text).expect("parses").expect("not blank");
            let tables: Vec<TableId> =
                TableId::ALL.into_iter().filter(|table| protos.contains(&table.proto)).collect();
            unseen_in_proc(&expr, &tables)
        };
        let tcp = [Proto::Tcp];
        assert_eq!(unseen("sport 22 or not dev 1", &tcp).as_deref(), Some("dev 1"));
        assert_eq!(unseen("queue >= limit", &tcp).as_deref(), Some("queue >= limit"));
        assert_eq!(unseen("rtt > 1ms cookie 1", &tcp).as_deref(), Some("rtt > 1ms"));
        assert_eq!(unseen("queue > 3 recvq > 1 user 0 timer on retrans > 1", &tcp), None);
        assert_eq!(unseen("drops > 0", &tcp).as_deref(), Some("drops > 0"));
        assert_eq!(unseen("drops > 0", &[Proto::Tcp, Proto::Udp]), None);
        assert_eq!(unseen("user 0", &[Proto::Unix]).as_deref(), Some("user 0"));
        assert_eq!(unseen("queue > 1", &[Proto::Unix]).as_deref(), Some("queue > 1"));
        assert_eq!(unseen("src unix:x", &[Proto::Unix]), None);
        assert_eq!(unseen("dst unix:x", &[Proto::Unix]).as_deref(), Some("dst unix:x"));
        assert_eq!(unseen("dev 1", &[Proto::Packet]), None);
    }
}
