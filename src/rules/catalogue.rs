//! The list of all rules: a line for each file of `catalogue/`.

use super::rule::Rule;

/// Declares the modules of rules and collects what they are.
macro_rules! catalogue {
    ($(mod $rule:ident;)*) => {
        $(mod $rule;)*

        /// Lists every rule of the catalogue.
        pub static RULES: &[Rule] = &[$($rule::RULE),*];

        /// Lists the looks at which each of them fires.
        #[cfg(test)]
        pub(crate) static EXAMPLES: &[&str] = &[$($rule::EXAMPLE),*];
    };
}

catalogue! {
    mod accept_queue_overflow;
    mod accept_stall;
    mod close_wait_leak;
    mod syn_queue_full;
    mod time_wait_flood;
    mod port_exhaustion;
    mod fin_wait1_stuck;
    mod fin_wait2_stuck;
    mod last_ack_stuck;
    mod closing_stuck;
    mod syn_sent_stuck;
    mod retransmit_stall;
    mod zero_window_stall;
    mod recv_queue_stuck;
    mod send_queue_stuck;
    mod udp_drops;
    mod unix_queue_full;
    mod self_connect;
    mod orphan_pressure;
    mod tcp_memory;
    mod dead_fd_leak;
}

/// Returns the rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::rules::Shows;

    #[test]
    fn every_rule_has_its_words() {
        for Rule { id, fires, evidence, thresholds, page, .. } in RULES {
            let texts = evidence.iter().map(|(_, meaning)| *meaning);
            let texts = texts.chain(thresholds.iter().map(|threshold| threshold.help));
            for text in texts.chain([*fires, page.title]) {
                assert!(!text.is_empty() && !text.ends_with('.'), "{id}: {text}");
            }
            for part in [&[page.means], page.look_at, page.helps, page.helps_not] {
                assert!(!part.is_empty(), "{id}: a part of its page is empty");
                assert!(part.iter().all(|text| text.ends_with(['.', '?'])), "{id}: {part:?}");
            }
        }
    }

    #[test]
    fn every_rule_names_its_sockets_or_says_that_it_has_none() {
        for rule in RULES {
            match rule.shows {
                Shows::Filter(text) => {
                    assert!(matches!(Filter::parse(&[text]), Ok(Some(_))), "{}: {text}", rule.id)
                }
                // What is found is in the examples.
                Shows::Found(_) | Shows::Subject | Shows::Nothing => {}
            }
        }
    }
}
