//! Ports of which every socket that an expression selects has one.
//!
//! An event of the kernel can be left out before it is written where neither
//! of its ports is wanted. It does not say which of the two is the local one
//! in a way that every state has, so either may be it.

use super::ast::{Expr, PortTest, Predicate};
use super::token::Comparison;

/// Finds ports, from the first to the second of each pair, one of which every socket has on
/// either end; `None` where one with any ports may be selected.
pub fn either_port(expr: &Expr) -> Option<Vec<(u16, u16)>> {
    match expr {
        Expr::Is(Predicate::Port(_, Comparison::Eq, ports)) => ports.iter().map(range).collect(),
        Expr::And(parts) => parts.iter().filter_map(either_port).min_by_key(Vec::len),
        Expr::Or(parts) => {
            let each: Option<Vec<_>> = parts.iter().map(either_port).collect();
            each.map(|each| each.concat())
        }
        Expr::Is(_) | Expr::Not(_) => None,
    }
}

fn range(ports: &PortTest) -> Option<(u16, u16)> {
    match ports {
        // No port yet is a port of 0, which any socket may have for a while.
        PortTest::Range(first, last) => (*first > 0).then_some((*first, *last)),
        PortTest::Service(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::parse;

    #[test]
    fn what_every_selected_socket_has() {
        let of = |text: &str| either_port(&parse(text).expect(text).expect(text));
        assert_eq!(of("dport = 443"), Some(vec![(443, 443)]));
        assert_eq!(of("sport 8000-8099 or dport {80,443}"), {
            Some(vec![(8000, 8099), (80, 80), (443, 443)])
        });
        assert_eq!(of("dport {80,443} and sport 22 and state established"), Some(vec![(22, 22)]));
        assert_eq!(of("dport 443 or state listen"), None, "a listener has any port");
        assert_eq!(of("not dport 443"), None);
        assert_eq!(of("dport >= 443"), None);
        assert_eq!(of("sport 0"), None);
    }
}
