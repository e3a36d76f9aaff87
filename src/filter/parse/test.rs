//! One test: its word, and what stands behind it.

use crate::filter::ast::{
    Amount, Cgroup, Device, Expr, HostTest, Name, Predicate, Quantity, SocketEnd, User,
};
use crate::filter::glob::Glob;
use crate::filter::net::AddressScope;
use crate::filter::token::{Comparison, Trouble};
use crate::filter::words;
use crate::model::state::StateSet;

use super::{Parser, Piece, TEST, number, tests};

impl Parser {
    /// Parses the test that begins at this word.
    pub(super) fn test(&mut self) -> Result<Vec<Expr>, Trouble> {
        let start = self.at;
        let Some(word) = self.next_keyword() else {
            return Err(self.here(format!("{TEST}: {}", tests())));
        };
        self.at += 1;
        match words::canonical(&word) {
            "state" | "exclude" | "excl" => {
                self.at = start;
                self.states().map(|state| vec![state])
            }
            "src" => self.host_test(SocketEnd::Local),
            "dst" => self.host_test(SocketEnd::Remote),
            "sport" => self.port_test(SocketEnd::Local),
            "dport" => self.port_test(SocketEnd::Remote),
            "path" => self.path_test(SocketEnd::Local),
            "peer-path" | "peer_path" => self.path_test(SocketEnd::Remote),
            "autobound" => Ok(vec![Expr::Is(Predicate::Autobound)]),
            word => {
                if let Some(quantity) = words::quantity_of(word) {
                    return self.number_test(quantity).map(|test| vec![test]);
                }
                self.at = start;
                self.simple_test(word)
            }
        }
    }

    /// Returns a test that knows `=` and `!=` only; the word is still to be read.
    fn simple_test(&mut self, word: &str) -> Result<Vec<Expr>, Trouble> {
        let read: fn(&mut Self) -> Result<Predicate, Trouble> = match word {
            "dev" => |p| p.device(),
            "fwmark" => |p| p.mark(),
            "cgroup" => |p| p.cgroup(),
            "process" => |p| p.pattern("a process name or pattern").map(Predicate::Process),
            "unit" => |p| p.pattern("a unit name or pattern").map(Predicate::Unit),
            "pid" => |p| p.number32("a process id").map(Predicate::Pid),
            "inode" => |p| p.number32("an inode").map(Predicate::Inode),
            "user" => |p| p.user(),
            "cookie" => |p| p.cookie(),
            "timer" => |p| p.timer(),
            "owner" => |p| p.owner(),
            "scope" => |p| p.scope(),
            _ => return Err(self.here(format!("{TEST}: {}", tests()))),
        };
        self.at += 1;
        let negated = self.equality()?;
        let test = Expr::Is(read(self)?);
        Ok(vec![if negated { test.negated() } else { test }])
    }

    /// Reads `=`, `!=` or nothing, and tells whether the test is negated.
    fn equality(&mut self) -> Result<bool, Trouble> {
        let span = self.span();
        match self.comparison() {
            None | Some(Comparison::Eq) => Ok(false),
            Some(Comparison::Ne) => Ok(true),
            Some(_) => Err(Trouble::new(span, "= or !=, or the value at once")),
        }
    }

    /// Reads `state X` and `exclude X` one behind the other as `ss` does: the
    /// first begins with no state or with all, each adds or takes away.
    fn states(&mut self) -> Result<Expr, Trouble> {
        let start = self.span();
        let mut states = None;
        let mut last = start;
        while let Some((adds, set, span)) = self.state_step()? {
            let before = states.unwrap_or(if adds { StateSet::EMPTY } else { StateSet::ALL });
            states = Some(if adds { before.union(set) } else { before.without(set) });
            last = span;
        }
        match states {
            Some(states) if !states.is_empty() => Ok(Expr::Is(Predicate::State(states))),
            _ => Err(Trouble::new(start.to(last), "states that leave at least one")),
        }
    }

    /// Returns a single `state X` or `exclude X`, where one stands here.
    pub(super) fn state_word(&mut self) -> Result<Option<Expr>, Trouble> {
        let start = self.span();
        let Some((adds, set, span)) = self.state_step()? else { return Ok(None) };
        let states = if adds { set } else { StateSet::ALL.without(set) };
        if states.is_empty() {
            return Err(Trouble::new(start.to(span), "states that leave at least one"));
        }
        Ok(Some(Expr::Is(Predicate::State(states))))
    }

    fn state_step(&mut self) -> Result<Option<(bool, StateSet, super::Span)>, Trouble> {
        let adds = match self.next_keyword().as_deref() {
            Some("state") => true,
            Some("exclude" | "excl") => false,
            _ => return Ok(None),
        };
        self.at += 1;
        let negated = self.equality()?;
        let expected = || format!("a state: {}", StateSet::allowed_names());
        let piece = self.value(&expected())?;
        let set = StateSet::parse(&piece.text()).ok_or_else(|| piece.trouble(expected()))?;
        Ok(Some((adds != negated, set, piece.span)))
    }

    fn host_test(&mut self, end: SocketEnd) -> Result<Vec<Expr>, Trouble> {
        let negated = self.equality()?;
        let parts = self.host(end)?;
        Ok(if negated { vec![Expr::all(parts).negated()] } else { parts })
    }

    /// Returns the name of a unix socket, as `src unix:NAME` has it.
    fn path_test(&mut self, end: SocketEnd) -> Result<Vec<Expr>, Trouble> {
        let negated = self.equality()?;
        let pattern = self.pattern("a path, or @ and an abstract name")?;
        let test = Expr::Is(Predicate::Host(end, HostTest::Unix(pattern)));
        Ok(vec![if negated { test.negated() } else { test }])
    }

    fn port_test(&mut self, end: SocketEnd) -> Result<Vec<Expr>, Trouble> {
        let comparison = self.comparison().unwrap_or(Comparison::Eq);
        let family = self.family_of_port(end)?;
        let ports = self.ports(comparison)?;
        let test = Expr::Is(Predicate::Port(end, comparison, ports));
        Ok(family.into_iter().chain([test]).collect())
    }

    fn number_test(&mut self, quantity: Quantity) -> Result<Expr, Trouble> {
        let span = self.span();
        let Some(comparison) = self.comparison() else {
            return Err(Trouble::new(span, "a comparison: <, <=, >, >=, = or !="));
        };
        let piece = match (quantity, self.next_keyword().as_deref()) {
            (Quantity::AcceptQueue, Some("limit")) => {
                self.at += 1;
                return Ok(Expr::Is(Predicate::Number(quantity, comparison, Amount::Limit)));
            }
            (Quantity::AcceptQueue, _) => self.value("a number of connections, or limit")?,
            _ => self.value("a number")?,
        };
        let also = if quantity == Quantity::AcceptQueue { ", or limit" } else { "" };
        let number = number::amount(&piece, quantity, also)?;
        Ok(Expr::Is(Predicate::Number(quantity, comparison, Amount::Number(number))))
    }

    fn number32(&mut self, what: &str) -> Result<u32, Trouble> {
        number::number32(&self.value(what)?, what)
    }

    fn pattern(&mut self, what: &str) -> Result<Glob, Trouble> {
        Glob::parse(&self.value(what)?.chars)
    }

    fn device(&mut self) -> Result<Predicate, Trouble> {
        let piece = self.value("a device name, or an index (0: bound to none)")?;
        let device = if is_digits(&piece) {
            Device::Index(number::number32(&piece, "a device index")?)
        } else {
            Device::Name(name(&piece))
        };
        Ok(Predicate::Device(device))
    }

    fn user(&mut self) -> Result<Predicate, Trouble> {
        let piece = self.value("a user name or id")?;
        let user = if is_digits(&piece) {
            User::Uid(number::number32(&piece, "a user id")?)
        } else {
            User::Name(name(&piece))
        };
        Ok(Predicate::User(user))
    }

    fn cookie(&mut self) -> Result<Predicate, Trouble> {
        let what = "a cookie such as 0x5e37";
        number::number(&self.value(what)?, u64::MAX, what).map(Predicate::Cookie)
    }

    fn mark(&mut self) -> Result<Predicate, Trouble> {
        let what = "a mark, or MARK/MASK";
        let piece = self.value(what)?;
        let (value, mask) = match piece.cut_first('/') {
            Some((value, mask)) => (value, number::number32(&mask, "a mask")?),
            None => (piece, u32::MAX),
        };
        Ok(Predicate::Mark { value: number::number32(&value, what)?, mask })
    }

    /// Returns a path from the root of the hierarchy, with or without its first slash.
    fn cgroup(&mut self) -> Result<Predicate, Trouble> {
        let what = "a control group: /PATH, /PATH/ for all below it too, or its id";
        let piece = self.value(what)?;
        let text = piece.text();
        if is_digits(&piece) {
            return number::number(&piece, u64::MAX, what)
                .map(|id| Predicate::Cgroup(Cgroup::Id(id)));
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        let path = Name { text: format!("/{}", parts.join("/")), span: piece.span };
        let below = text.ends_with('/') && !parts.is_empty();
        Ok(Predicate::Cgroup(if below { Cgroup::Below(path) } else { Cgroup::Path(path) }))
    }

    fn timer(&mut self) -> Result<Predicate, Trouble> {
        one_of(self, "timer", &words::TIMERS).map(Predicate::Timer)
    }

    fn owner(&mut self) -> Result<Predicate, Trouble> {
        let expected = "none (with a process: process, pid or user)";
        let piece = self.value(expected)?;
        if piece.text().eq_ignore_ascii_case("none") {
            return Ok(Predicate::Unowned);
        }
        Err(piece.trouble(expected))
    }

    fn scope(&mut self) -> Result<Predicate, Trouble> {
        one_of(self, "scope", &AddressScope::NAMES).map(Predicate::Scope)
    }
}

/// Returns the meaning of one of a few words.
fn one_of<T: Copy>(parser: &mut Parser, what: &str, table: &[(&str, T)]) -> Result<T, Trouble> {
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    let expected = format!("a {what}: {}", names.join(", "));
    let piece = parser.value(&expected)?;
    let text = piece.text();
    let found = table.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text));
    found.map(|(_, value)| *value).ok_or_else(|| piece.trouble(expected))
}

fn is_digits(piece: &Piece) -> bool {
    !piece.is_name() && piece.chars.iter().all(|c| c.c.is_ascii_digit())
}

fn name(piece: &Piece) -> Name {
    Name { text: piece.text(), span: piece.span }
}
