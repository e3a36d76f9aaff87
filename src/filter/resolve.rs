//! Names to what the system means by them.

use std::net::IpAddr;

use super::ast::{Cgroup, Device, Expr, HostTest, Name, PortTest, Predicate, User};
use super::error::{ResolveError, Span};
use super::net::{Net, Version};
use super::token::Comparison;

/// The names that the system knows. An error is a sentence without a full
/// stop that says why a name has no meaning.
pub trait Resolver {
    /// Returns all addresses of a host.
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String>;
    /// Returns the ports of a service: one, or two where TCP and UDP differ.
    fn service(&mut self, name: &str) -> Result<Vec<u16>, String>;
    /// Returns the id of a user.
    fn user(&mut self, name: &str) -> Result<u32, String>;
    /// Returns the index of a device.
    fn device(&mut self, name: &str) -> Result<u32, String>;
    /// Returns the id of the control group at a path from the root of the hierarchy.
    fn cgroup(&mut self, path: &str) -> Result<u64, String>;
}

/// The trouble with a name, without the expression around it.
struct UnresolvedName {
    span: Span,
    reason: String,
}

impl Expr {
    /// Returns the same condition with every name replaced by its meaning. `text` is
    /// the expression it was parsed from, for the error.
    ///
    /// # Errors
    /// For the first name that has no meaning.
    pub fn resolve(&self, text: &str, resolver: &mut dyn Resolver) -> Result<Self, ResolveError> {
        self.resolved(resolver).map_err(|unknown| ResolveError {
            expression: text.to_owned(),
            span: unknown.span,
            reason: unknown.reason,
        })
    }

    fn resolved(&self, resolver: &mut dyn Resolver) -> Result<Self, UnresolvedName> {
        let mut each = |parts: &[Self]| {
            parts.iter().map(|part| part.resolved(resolver)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match self {
            Self::And(parts) => Self::And(each(parts)?),
            Self::Or(parts) => Self::Or(each(parts)?),
            Self::Not(inner) => inner.resolved(resolver)?.negated(),
            Self::Is(predicate) => predicate.resolved(resolver)?,
        })
    }
}

impl Predicate {
    fn resolved(&self, resolver: &mut dyn Resolver) -> Result<Expr, UnresolvedName> {
        Ok(Expr::Is(match self {
            Self::Host(end, HostTest::Name(name, version)) => {
                let nets = addresses(name, *version, resolver)?;
                let tests = nets.into_iter().map(|net| Self::Host(*end, HostTest::Net(net)));
                return Ok(Expr::any(tests.map(Expr::Is).collect()));
            }
            Self::Port(end, comparison, ports) => {
                let ports = ports
                    .iter()
                    .map(|ports| numbers(ports, *comparison, resolver))
                    .collect::<Result<Vec<_>, _>>()?;
                Self::Port(*end, *comparison, ports.concat())
            }
            Self::Device(Device::Name(name)) => {
                Self::Device(Device::Index(known(name, resolver.device(&name.text))?))
            }
            Self::User(User::Name(name)) => {
                Self::User(User::Uid(known(name, resolver.user(&name.text))?))
            }
            Self::Cgroup(Cgroup::Path(path)) => {
                Self::Cgroup(Cgroup::Id(known(path, resolver.cgroup(&path.text))?))
            }
            Self::Cgroup(Cgroup::Below(path)) => {
                // Groups come and go, so membership is decided by the path;
                // asked for is only whether the group exists.
                known(path, resolver.cgroup(&path.text))?;
                self.clone()
            }
            other => other.clone(),
        }))
    }
}

fn known<T>(name: &Name, answer: Result<T, String>) -> Result<T, UnresolvedName> {
    answer.map_err(|reason| UnresolvedName { span: name.span, reason })
}

fn addresses(
    name: &Name,
    version: Option<Version>,
    resolver: &mut dyn Resolver,
) -> Result<Vec<Net>, UnresolvedName> {
    let all = known(name, resolver.host(&name.text))?;
    let wanted = |net: &Net| match (version, net) {
        (Some(Version::V4), Net::V6(..)) | (Some(Version::V6), Net::V4(..)) => false,
        (None | Some(_), _) => true,
    };
    let mut nets: Vec<Net> = Vec::new();
    for net in all.into_iter().map(Net::of).filter(wanted) {
        // The system repeats an address for each socket type.
        if !nets.contains(&net) {
            nets.push(net);
        }
    }
    if nets.is_empty() {
        let family = match version {
            Some(Version::V4) => "IPv4 ",
            Some(Version::V6) => "IPv6 ",
            None => "",
        };
        let reason = format!("the host {} has no {family}address", name.text);
        return Err(UnresolvedName { span: name.span, reason });
    }
    Ok(nets)
}

fn numbers(
    ports: &PortTest,
    comparison: Comparison,
    resolver: &mut dyn Resolver,
) -> Result<Vec<PortTest>, UnresolvedName> {
    let PortTest::Service(name) = ports else { return Ok(vec![ports.clone()]) };
    let mut numbers = known(name, resolver.service(&name.text))?;
    numbers.sort_unstable();
    numbers.dedup();
    let unknown = |reason| UnresolvedName { span: name.span, reason };
    match (numbers.len(), comparison) {
        (0, _) => Err(unknown(format!("the service {} has no port", name.text))),
        (1, _) | (_, Comparison::Eq | Comparison::Ne) => {
            Ok(numbers.into_iter().map(|port| PortTest::Range(port, port)).collect())
        }
        _ => Err(unknown(format!(
            "the service {} has different ports in TCP and UDP: compare with a number",
            name.text
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    struct Fixed;

    impl Resolver for Fixed {
        fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
            let all = match name {
                "two" => vec!["10.0.0.1", "2001:db8::1", "10.0.0.1"],
                "four" => vec!["10.0.0.4"],
                _ => return Err(format!("no host is called {name}")),
            };
            Ok(all.iter().map(|ip| ip.parse().expect("an address")).collect())
        }

        fn service(&mut self, name: &str) -> Result<Vec<u16>, String> {
            match name {
                "https" => Ok(vec![443, 443]),
                "exec" => Ok(vec![512, 513]),
                _ => Err(format!("no service is called {name}")),
            }
        }

        fn user(&mut self, _: &str) -> Result<u32, String> {
            Ok(33)
        }

        fn device(&mut self, name: &str) -> Result<u32, String> {
            if name == "lo" { Ok(1) } else { Err(format!("no device is called {name}")) }
        }

        fn cgroup(&mut self, path: &str) -> Result<u64, String> {
            if path == "/a" { Ok(77) } else { Err(format!("no control group {path}")) }
        }
    }

    fn resolved(text: &str) -> String {
        let expr = parse(text).expect("parses").expect("not blank");
        match expr.resolve(text, &mut Fixed) {
            Ok(expr) => expr.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_name_gets_its_meaning() {
        let cases = [
            ("src two and sport 1", "(src 10.0.0.1 or src [2001:db8::1]) and sport = 1"),
            ("not dst two:https", "not ((dst 10.0.0.1 or dst [2001:db8::1]) and dport = 443)"),
            ("dst inet6:two", "dst [2001:db8::1]"),
            ("sport {22,exec}", "sport = {22,512,513}"),
            ("sport > https", "sport > 443"),
            ("dev lo user www-data", "dev 1 and user 33"),
            ("cgroup a or cgroup /a/", "cgroup 77 or cgroup /a/"),
        ];
        for (text, expected) in cases {
            assert_eq!(resolved(text), expected);
        }
    }

    #[test]
    fn an_unknown_name_is_pointed_at() {
        let cases = [
            ("sport 1 dev eth9", "            ^^^^", "no device is called eth9"),
            ("src inet6:four", "          ^^^^", "the host four has no IPv6 address"),
            ("cgroup /b/", "       ^^^", "no control group /b"),
            (
                "sport < exec",
                "        ^^^^",
                "the service exec has different ports in TCP and UDP: compare with a number",
            ),
        ];
        for (text, carets, reason) in cases {
            assert_eq!(resolved(text), format!("  {text}\n  {carets}\n{reason}"));
        }
    }
}
