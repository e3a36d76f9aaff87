//! The filter language: a superset of the one of `ss`, on every command.
//!
//! ```text
//! expression := test | not expression | expression and expression
//!             | expression or expression | ( expression )
//! ```
//!
//! `not` (`!`) binds closest, then `and` (`&`, `&&`, or nothing between two
//! tests), then `or` (`|`, `||`): as the manual page of `ss` says, not as `ss`
//! does. Words may be in any case, blanks around operators may be left out.
//!
//! | test | selects sockets |
//! |---|---|
//! | `state X`, `exclude X` | in these states; several one behind the other add up, as in `ss` |
//! | `src HOST[:PORT]`, `dst HOST[:PORT]` | with this local, remote end |
//! | `sport OP PORT`, `dport OP PORT` | with such a port |
//! | `dev NAME\|INDEX` | bound to a device; `dev 0`: to none |
//! | `fwmark MARK[/MASK]` | with (mark & MASK) = MARK |
//! | `cgroup /PATH`, `/PATH/`, ID | made in a control group; in it or below it |
//! | `autobound` | whose local port lies in the ephemeral range; unix: without a chosen name |
//! | `process PATTERN`, `pid N` | that such a process holds |
//! | `owner none` | that no process holds |
//! | `user NAME\|UID` | of a user |
//! | `unit PATTERN` | of a systemd unit; `.service` may be left out |
//! | `inode N`, `cookie N` | with this number |
//! | `recvq OP BYTES`, `sendq OP BYTES` | with so much unread, unsent or unacknowledged |
//! | `queue OP N`, `queue OP limit` | listening, with so many connections waiting |
//! | `drops OP N` | with so many packets dropped at the socket |
//! | `age OP TIME` | so long in their state |
//! | `retrans OP N` | with so many retransmits of the running timer |
//! | `rtt OP TIME` | with such a round-trip time |
//! | `timer NAME`, `timer none` | with this timer running |
//! | `scope loopback\|private\|public\|any` | whose local address is of this kind |
//!
//! Names of fields (`local-port`, `mark`, `rtt_us`) are understood in place of the words for
//! the same thing, see [`crate::model::vocabulary`].
//!
//! OP is `=`, `==`, `eq`, `!=`, `ne`, `neq`, `<`, `lt`, `<=`, `le`, `leq`, `>`,
//! `gt`, `>=`, `ge`, `geq`; where only `=` and `!=` make sense it may be left
//! out. HOST is `*`, `A.B.C.D[/LEN]`, `A.B[/LEN]`, `A.B.C.D/NETMASK`, `[V6]`,
//! `[V6/LEN]`, `[V6]/LEN`, a bare IPv6 address, a name, or `unix:PATTERN`, where
//! `unix:` may be left out before `/` and `@`; `inet:` or `inet6:` before it fixes
//! the family. PORT is a number, `8000-8099`, a
//! service, `*`, or a set `{80,443,8000-8010}`. PATTERN knows `*`, `?`, `[a-z]`.
//! A backslash makes the next character part of a name.
//!
//! Decisions where `ss` is vague: an IPv4 prefix, also `0.0.0.0/0`, selects
//! v4-mapped rows too, an IPv6 prefix, also `[::/0]`, only rows of IPv6
//! sockets; `*` and `any` select everything. A test of something that cannot
//! be seen or that a socket does not have is unknown, `not` of it as well, and
//! unknown selects nothing (see [`matches()`]).
//!
//! Everything here is pure: text to [`Expr`] ([`parse()`]), names to numbers
//! through a [`Resolver`], rows to yes, no or unknown ([`matches()`]), and the
//! part of the work that the kernel can do ([`compile()`]).

mod ast;
mod compile;
mod either_port;
mod error;
mod eval;
mod explain;
mod glob;
mod lex;
mod net;
mod parse;
mod print;
mod resolve;
mod token;
mod visible;
mod words;

#[cfg(test)]
mod arbitrary;

pub use ast::{Expr, Predicate, SocketEnd};
pub use compile::{Bytecode, FactNeeds, PlanTarget, TablePlan, compile};
pub use either_port::either_port;
pub use error::{ParseError, ResolveError};
pub use eval::{Lookup, TestedRow, matches, unix_text};
pub use explain::{FilteredBy, TableReading, explain};
pub use glob::{Case, Glob};
pub use net::AddressScope;
pub use parse::parse;
pub use resolve::Resolver;
pub use token::Comparison;
pub use visible::unseen_in_proc;

/// An expression and the text it was given as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The text, to point into.
    pub text: String,
    /// Its meaning.
    pub expr: Expr,
}

impl Filter {
    /// Returns the filter in the words of a command line; `None` without any.
    ///
    /// # Errors
    /// With the place and what is allowed there.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Option<Self>, ParseError> {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let text = words.join(" ");
        Ok(parse(&text)?.map(|expr| Self { text, expr }))
    }

    /// Returns the same filter with every name replaced by its meaning.
    ///
    /// # Errors
    /// For the first name that has no meaning.
    pub fn resolve(&self, resolver: &mut dyn Resolver) -> Result<Self, ResolveError> {
        let expr = self.expr.resolve(&self.text, resolver)?;
        Ok(Self { text: self.text.clone(), expr })
    }
}
