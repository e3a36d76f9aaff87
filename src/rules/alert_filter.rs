//! Which sockets an alert is about, in the filter language: for enter on it,
//! and for the key that shows only what alerts name.

use crate::model::address::Endpoint;
use crate::model::hash::KeyedMap;
use crate::model::snapshot::Snapshot;

use super::alert::Alert;
use super::catalogue::find;
use super::config::Config;
use super::rule::Shows;
use super::subject::{Subject, shown};

/// Maps ids of custom rules to the filters of what they count.
pub type CustomFilters = KeyedMap<String, String>;

/// Collects the filters of the custom rules of a configuration.
pub fn custom_filters(config: &Config) -> CustomFilters {
    let rules = config.custom.iter();
    rules
        .filter_map(|rule| Some((rule.id.clone(), rule.when.filter.as_ref()?.text.clone())))
        .collect()
}

/// Returns the filter that selects them; `None` where no row is one of them.
pub fn filter_of(alert: &Alert, snapshot: &Snapshot, custom: &CustomFilters) -> Option<String> {
    if let Some(filter) = custom.get(&*alert.rule) {
        return Some(filter.clone());
    }
    let condition = match find(&alert.rule)?.shows {
        Shows::Filter(filter) => Some(filter.to_owned()),
        Shows::Found(filter) => Some(filter(alert, snapshot)),
        Shows::Subject => None,
        Shows::Nothing => return None,
    };
    let parts = [condition, filter_of_subject(&alert.subject)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

fn filter_of_subject(subject: &Subject) -> Option<String> {
    Some(match subject {
        Subject::Process { pid, .. } => format!("pid {pid}"),
        Subject::User { uid } => format!("user {}", (*uid)?),
        Subject::UnixListener { inode, .. } => format!("inode {inode}"),
        Subject::Socket { inode, .. } if *inode != 0 => format!("inode {inode}"),
        Subject::Listener { local, .. } | Subject::Socket { local, .. } => at(*local),
        Subject::Destination(remote) => format!("dst {}", shown(*remote)),
        Subject::Ports { source, destination } if destination.port == 0 => format!("src {source}"),
        Subject::Ports { source, destination } => {
            format!("src {source} and dst {}", shown(*destination))
        }
        Subject::Namespace | Subject::Host => return None,
    })
}

/// Returns the filter of a local end: by its port alone where it is one of every
/// address.
pub fn at(local: Endpoint) -> String {
    if local.address.is_unspecified() {
        format!("sport = {}", local.port)
    } else {
        format!("src {}", shown(local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::model::address::Address;
    use crate::rules::{RULES, Severity};

    fn alert(rule: &'static str, subject: Subject) -> Alert {
        Alert {
            rule: rule.into(),
            severity: Severity::Warning,
            subject,
            count: 1,
            evidence: Vec::new(),
            summary: String::new(),
            remedy: String::new(),
        }
    }

    #[test]
    fn every_rule_has_a_filter_that_makes_sense() {
        let end = |octets, port| Endpoint::new(Address::v4(octets), port);
        let subjects = [
            Subject::Process { pid: 7, comm: "api".into() },
            Subject::User { uid: Some(1000) },
            Subject::Listener { local: end([0; 4], 80), inode: 3, owners: Vec::new() },
            Subject::Listener { local: end([127, 0, 0, 1], 80), inode: 0, owners: Vec::new() },
            Subject::Socket { local: end([0; 4], 53), inode: 4, owners: Vec::new() },
            Subject::Destination(end([10, 0, 0, 7], 443)),
            Subject::Namespace,
        ];
        let snapshot = Snapshot::default();
        let custom = CustomFilters::from_iter([("custom".to_owned(), "dport 6379".to_owned())]);
        for rule in RULES {
            for subject in &subjects {
                let Some(text) = filter_of(&alert(rule.id, subject.clone()), &snapshot, &custom)
                else {
                    continue;
                };
                assert!(Filter::parse(&[&text]).is_ok(), "{text}");
            }
        }
        let text = |rule, subject: usize| {
            filter_of(&alert(rule, subjects[subject].clone()), &snapshot, &custom)
        };
        assert_eq!(
            text("recv-queue-stuck", 0).as_deref(),
            Some("state established and recvq > 0 and pid 7")
        );
        assert_eq!(
            text("zero-window-stall", 3).as_deref(),
            Some("timer probe and src 127.0.0.1:80")
        );
        assert_eq!(text("udp-drops", 4).as_deref(), Some("inode 4"));
        assert_eq!(text("close-wait-leak", 1).as_deref(), Some("state close-wait and user 1000"));
        assert_eq!(text("dead-fd-leak", 0), None, "they are in no table");
        assert_eq!(text("custom", 6).as_deref(), Some("dport 6379"), "what it counts");
        assert_eq!(text("counts-all", 6), None);
    }
}
