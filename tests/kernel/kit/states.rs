//! Recipes for TCP: one function a state, and [`ALL`], the list of them with what each promises.
//!
//! A recipe returns when the kernel shows the socket in the wanted state, and the socket stays
//! there for at least some tens of seconds while its [`Held`] lives.
//!
//! No recipe needs privileges or a firewall. What has to get lost on the way is dropped by a
//! filter on the receiving socket (`SO_ATTACH_FILTER`): the kernel runs it before TCP sees the
//! segment, so TCP behaves as if the network had lost it (`tcp_filter()` in `tcp_v4_rcv()`).

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use super::netns;
use super::procnet::{self, Row, Table};
use super::{Impossible, PATIENCE, Result, poll};

// ------------------------------------------------------------------------------- the vocabulary

/// Which addresses a recipe uses. The table of the socket under test is meant: the other end of a
/// mapped connection is an ordinary IPv4 socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `127.0.0.1` on an IPv4 socket.
    V4,
    /// `::1`.
    V6,
    /// `::ffff:127.0.0.1`: IPv4 on an IPv6 socket, as with every dual-stack server.
    Mapped,
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 3] = [Family::V4, Family::V6, Family::Mapped];

    /// How trials call it.
    pub fn name(self) -> &'static str {
        match self {
            Family::V4 => "v4",
            Family::V6 => "v6",
            Family::Mapped => "mapped",
        }
    }

    /// The TCP table in which the socket under test appears.
    pub fn tcp(self) -> Table {
        match self {
            Family::V4 => Table::Tcp,
            Family::V6 | Family::Mapped => Table::Tcp6,
        }
    }

    /// The UDP table in which the socket under test appears.
    pub fn udp(self) -> Table {
        match self {
            Family::V4 => Table::Udp,
            Family::V6 | Family::Mapped => Table::Udp6,
        }
    }

    /// The family of the other end.
    pub(super) fn of_peer(self) -> Family {
        match self {
            Family::V4 | Family::Mapped => Family::V4,
            Family::V6 => Family::V6,
        }
    }

    /// The loopback address as a socket of this family names it.
    pub fn loopback(self, port: u16) -> SocketAddr {
        let ip: IpAddr = match self {
            Family::V4 => Ipv4Addr::LOCALHOST.into(),
            Family::V6 => Ipv6Addr::LOCALHOST.into(),
            Family::Mapped => Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(),
        };
        SocketAddr::new(ip, port)
    }

    /// The address a server of this family binds: the wildcard where only that is dual-stack.
    pub(super) fn server(self) -> SocketAddr {
        match self {
            Family::V4 | Family::V6 => self.loopback(0),
            Family::Mapped => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
        }
    }

    /// The wildcard, which is the remote address of a socket without a peer.
    pub(super) fn nobody(self) -> SocketAddr {
        match self {
            Family::V4 => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            Family::V6 | Family::Mapped => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
        }
    }

    /// Makes a TCP socket.
    pub fn tcp_socket(self) -> Result<Socket> {
        self.socket(Type::STREAM, Protocol::TCP)
    }

    /// Makes a socket, ready for both protocols if it is to be a dual-stack one.
    pub(super) fn socket(self, kind: Type, protocol: Protocol) -> Result<Socket> {
        let domain = match self {
            Family::V4 => Domain::IPV4,
            Family::V6 | Family::Mapped => Domain::IPV6,
        };
        if domain == Domain::IPV6 && !netns::has_ipv6() {
            return Err(Impossible("no IPv6 here: lo has no ::1".into()).into());
        }
        let socket = Socket::new(domain, kind, Some(protocol))?;
        if self == Family::Mapped {
            // The default is a sysctl, net.ipv6.bindv6only.
            socket.set_only_v6(false)?;
        }
        Ok(socket)
    }
}

/// How a program ends its side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// With `shutdown(SHUT_WR)`: it keeps the socket.
    Shutdown,
    /// With `close()`: what is left in the kernel has no owner and no inode.
    Close,
}

/// What a program in CLOSE_WAIT has not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Nothing: it has read the end of the stream and goes on holding the socket.
    Nothing,
    /// The end of the stream, which counts as one byte in the receive queue.
    Eof,
    /// That many bytes, and the end of the stream behind them.
    Bytes(u32),
}

impl Unread {
    /// The length of the receive queue.
    pub fn queued(self) -> u32 {
        match self {
            Unread::Nothing => 0,
            Unread::Eof => 1,
            Unread::Bytes(count) => count + 1,
        }
    }
}

/// A socket in the state that a recipe promised. It leaves it when this is dropped.
#[derive(Debug)]
pub struct Held {
    /// The recipe.
    pub what: &'static str,
    pub family: Family,
    /// The kernel's name of the state; or `BOUND` for what it calls CLOSE and hides.
    pub state: &'static str,
    /// As the socket's own table shows it: `::ffff:127.0.0.1` if the family is `Mapped`.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The row of the table; `None` for a socket that is in no table.
    pub row: Option<Row>,
    /// The socket under test, if a process (this one) has it: not if it was closed, nor if it was
    /// never accepted.
    pub subject: Option<Socket>,
    /// The other end, unless it is closed.
    pub peer: Option<Socket>,
    /// What else must stay open.
    pub keep: Vec<Socket>,
}

impl Held {
    /// The inode that the kernel shows for the socket; 0 for none.
    pub fn inode(&self) -> u64 {
        self.row.as_ref().map_or(0, |row| row.inode)
    }

    /// The socket's file descriptor in this process.
    pub fn fd(&self) -> Option<RawFd> {
        self.subject.as_ref().map(AsRawFd::as_raw_fd)
    }
}

/// The inode of a socket that this process has open.
pub fn inode_of(socket: &Socket) -> Result<u64> {
    Ok(rustix::fs::fstat(socket).context("fstat")?.st_ino)
}

// ------------------------------------------------------------------------------------- the list

/// A recipe with what it promises, to run the same test over all of them.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// The name, which is [`Held::what`] too.
    pub name: &'static str,
    /// [`Held::state`].
    pub state: &'static str,
    /// Whether the socket has an inode: that of [`Held::subject`].
    pub has_inode: bool,
    /// The length of the receive queue (of a listener: of the accept queue), if promised.
    pub recv_q: Option<u32>,
    /// Whether the socket is in `/proc/net/tcp` or `tcp6`.
    pub in_proc: bool,
    /// Does it.
    pub make: fn(Family) -> Result<Held>,
}

/// A recipe whose socket has a row, with an inode or without.
const fn shown(
    name: &'static str,
    state: &'static str,
    has_inode: bool,
    recv_q: Option<u32>,
    make: fn(Family) -> Result<Held>,
) -> Recipe {
    Recipe { name, state, has_inode, recv_q, in_proc: true, make }
}

/// A recipe whose socket has no row.
const fn hidden(
    name: &'static str,
    state: &'static str,
    make: fn(Family) -> Result<Held>,
) -> Recipe {
    Recipe { name, state, has_inode: false, recv_q: None, in_proc: false, make }
}

/// Every recipe. All of them work in every [`Family`].
#[rustfmt::skip]
pub const ALL: &[Recipe] = &[
    shown("listen", "LISTEN", true, Some(0), |f| listen(f, 7)),
    hidden("bound", "BOUND", bound),
    shown("syn_sent", "SYN_SENT", true, Some(0), syn_sent),
    shown("syn_recv", "SYN_RECV", false, Some(0), syn_recv),
    shown("syn_recv_simultaneous", "SYN_RECV", true, Some(0), syn_recv_simultaneous),
    shown("established", "ESTABLISHED", true, Some(0), established),
    shown("established_unaccepted", "ESTABLISHED", false, Some(0), established_unaccepted),
    shown("self_connect", "ESTABLISHED", true, Some(0), self_connect),
    shown("fin_wait1", "FIN_WAIT1", true, Some(0), |f| fin_wait1(f, By::Shutdown)),
    shown("fin_wait1_orphan", "FIN_WAIT1", false, Some(0), |f| fin_wait1(f, By::Close)),
    shown("fin_wait2", "FIN_WAIT2", true, Some(0), |f| fin_wait2(f, By::Shutdown)),
    shown("fin_wait2_minisocket", "FIN_WAIT2", false, Some(0), |f| fin_wait2(f, By::Close)),
    shown("close_wait", "CLOSE_WAIT", true, Some(1), |f| close_wait(f, Unread::Eof)),
    shown("close_wait_eof_read", "CLOSE_WAIT", true, Some(0), |f| close_wait(f, Unread::Nothing)),
    shown("close_wait_unread", "CLOSE_WAIT", true, Some(6), |f| close_wait(f, Unread::Bytes(5))),
    shown("close_wait_unaccepted", "CLOSE_WAIT", false, Some(1), close_wait_unaccepted),
    shown("last_ack", "LAST_ACK", true, Some(1), |f| last_ack(f, By::Shutdown)),
    shown("last_ack_orphan", "LAST_ACK", false, None, |f| last_ack(f, By::Close)),
    shown("closing", "CLOSING", true, Some(1), |f| closing(f, By::Shutdown)),
    shown("closing_orphan", "CLOSING", false, None, |f| closing(f, By::Close)),
    shown("time_wait", "TIME_WAIT", false, Some(0), |f| time_wait(f, By::Close)),
    shown("time_wait_fd_open", "TIME_WAIT", false, Some(0), |f| time_wait(f, By::Shutdown)),
    hidden("dead_fd", "CLOSE", dead_fd),
];

// ---------------------------------------------------------------------------------- the recipes

/// LISTEN, with nobody in the queue.
pub fn listen(family: Family, backlog: u32) -> Result<Held> {
    let socket = listening(family, backlog)?;
    let local = address_of(&socket)?;
    Subject::new(family, local, family.nobody(), Some(socket)).hold("listen", "LISTEN")
}

/// Bound to a port, but neither listening nor connected. No table of /proc shows it; sock_diag
/// does since Linux 6.8, if asked for state 13.
pub fn bound(family: Family) -> Result<Held> {
    let socket = family.tcp_socket()?;
    bind(&socket, family.server())?;
    let local = address_of(&socket)?;
    let subject = Subject::new(family, local, family.nobody(), Some(socket));
    Ok(subject.held("bound", "BOUND", None))
}

/// SYN_SENT: nobody answers.
pub fn syn_sent(family: Family) -> Result<Held> {
    let (closed_port, nobody_listens) = reserve_port(family)?;
    let socket = family.tcp_socket()?;
    // What it must not hear is the RST of the closed port.
    hear_nothing(&socket)?;
    start_connect(&socket, family.loopback(closed_port))?;
    let (local, remote) = (address_of(&socket)?, family.loopback(closed_port));
    let mut subject = Subject::new(family, local, remote, Some(socket));
    subject.keep.push(nobody_listens);
    subject.hold("syn_sent", "SYN_SENT")
}

/// SYN_RECV as it usually is: a request socket, which is no full socket yet and nobody's. The
/// client's ACK got lost; the client itself is ESTABLISHED.
pub fn syn_recv(family: Family) -> Result<Held> {
    let listener = listening(family, 7)?;
    hear_only_syns(&listener)?;
    Conn::to(family, listener)?.hold("syn_recv", "SYN_RECV")
}

/// SYN_RECV as a full socket with an owner: two ends called each other at the same time.
pub fn syn_recv_simultaneous(family: Family) -> Result<Held> {
    let peer_family = family.of_peer();
    let (subject, peer) = (family.tcp_socket()?, peer_family.tcp_socket()?);
    bind(&subject, family.loopback(0))?;
    bind(&peer, peer_family.loopback(0))?;
    let (local, peer_port) = (address_of(&subject)?, address_of(&peer)?.port());
    let remote = family.loopback(peer_port);

    // The peer does not call yet, so its port answers our SYN with a RST, which we miss; then
    // comes its SYN, which we hear; our answer to that it misses again.
    hear_only_syns(&subject)?;
    hear_nothing(&peer)?;
    start_connect(&subject, remote)?;
    start_connect(&peer, peer_family.loopback(local.port()))?;

    let mut subject = Subject::new(family, local, remote, Some(subject));
    subject.peer = Some(peer);
    subject.hold("syn_recv_simultaneous", "SYN_RECV")
}

/// ESTABLISHED and idle.
pub fn established(family: Family) -> Result<Held> {
    Conn::accepted(family)?.hold("established", "ESTABLISHED")
}

/// ESTABLISHED for the kernel, but still in the accept queue: nobody's.
pub fn established_unaccepted(family: Family) -> Result<Held> {
    Conn::unaccepted(family)?.hold("established_unaccepted", "ESTABLISHED")
}

/// ESTABLISHED with itself: a socket that called the very port it is bound to.
pub fn self_connect(family: Family) -> Result<Held> {
    let socket = family.tcp_socket()?;
    bind(&socket, family.loopback(0))?;
    let own = address_of(&socket)?;
    socket
        .connect_timeout(&own.into(), PATIENCE)
        .with_context(|| format!("connecting {own} to itself"))?;
    Subject::new(family, own, own, Some(socket)).hold("self_connect", "ESTABLISHED")
}

/// FIN_WAIT1: our FIN is not acknowledged.
pub fn fin_wait1(family: Family, by: By) -> Result<Held> {
    let mut conn = Conn::accepted(family)?;
    conn.deafen_client()?;
    conn.end_server(by)?;
    conn.hold(by.choose("fin_wait1", "fin_wait1_orphan"), "FIN_WAIT1")
}

/// FIN_WAIT2: our FIN is acknowledged, theirs does not come. After `close()` only a minisocket is
/// left of it, for 60 seconds.
pub fn fin_wait2(family: Family, by: By) -> Result<Held> {
    let mut conn = Conn::accepted(family)?;
    conn.end_server(by)?;
    conn.hold(by.choose("fin_wait2", "fin_wait2_minisocket"), "FIN_WAIT2")
}

/// CLOSE_WAIT: the other side is done, we hold on.
pub fn close_wait(family: Family, unread: Unread) -> Result<Held> {
    let mut conn = Conn::accepted(family)?;
    if let Unread::Bytes(count) = unread {
        let bytes = vec![b'x'; usize::try_from(count)?];
        conn.client()?.write_all(&bytes).context("sending")?;
    }
    conn.end_client(By::Shutdown)?;
    conn.wait_with("CLOSE_WAIT", |row| row.rx_queue == unread.queued().max(Unread::Eof.queued()))?;
    let what = match unread {
        Unread::Nothing => "close_wait_eof_read",
        Unread::Eof => "close_wait",
        Unread::Bytes(_) => "close_wait_unread",
    };
    if unread == Unread::Nothing {
        let count = conn.server()?.recv(&mut [std::mem::MaybeUninit::uninit()])?;
        ensure!(count == 0, "read {count} bytes instead of the end");
    }
    conn.hold(what, "CLOSE_WAIT")
}

/// CLOSE_WAIT in the accept queue: the client left before anybody accepted it.
pub fn close_wait_unaccepted(family: Family) -> Result<Held> {
    let mut conn = Conn::unaccepted(family)?;
    conn.end_client(By::Shutdown)?;
    conn.hold("close_wait_unaccepted", "CLOSE_WAIT")
}

/// LAST_ACK: both sides are done, and our FIN, the later one, is not acknowledged.
pub fn last_ack(family: Family, by: By) -> Result<Held> {
    let mut conn = Conn::accepted(family)?;
    conn.end_client(By::Shutdown)?;
    conn.wait("CLOSE_WAIT")?;
    conn.deafen_client()?;
    conn.end_server(by)?;
    conn.hold(by.choose("last_ack", "last_ack_orphan"), "LAST_ACK")
}

/// CLOSING: both sides are done at the same time, and our FIN is not acknowledged.
pub fn closing(family: Family, by: By) -> Result<Held> {
    let mut conn = Conn::accepted(family)?;
    conn.deafen_client()?;
    conn.end_server(by)?;
    conn.wait("FIN_WAIT1")?;
    conn.end_client(By::Shutdown)?;
    conn.hold(by.choose("closing", "closing_orphan"), "CLOSING")
}

/// TIME_WAIT, for 60 seconds. The row never has an owner, but `By::Shutdown` leaves the process
/// with the file descriptor of the socket that it was.
pub fn time_wait(family: Family, by: By) -> Result<Held> {
    let mut conn = Conn::accepted(family)?;
    conn.end_server(by)?;
    conn.wait("FIN_WAIT2")?;
    conn.end_client(By::Close)?;
    conn.hold(by.choose("time_wait_fd_open", "time_wait"), "TIME_WAIT")
}

/// A file descriptor of a connection that the peer has reset: it is in no table any more.
pub fn dead_fd(family: Family) -> Result<Held> {
    let mut conn = Conn::accepted(family)?;
    conn.client()?.set_linger(Some(Duration::ZERO))?;
    conn.end_client(By::Close)?;
    let (table, local) = (family.tcp(), conn.subject.local);
    poll("the reset connection leaves the table", || {
        let gone = !procnet::rows(table)?
            .iter()
            .any(|row| row.local == local && row.state_name() != "LISTEN");
        Ok(gone.then_some(()))
    })?;
    Ok(conn.subject.held("dead_fd", "CLOSE", None))
}

impl By {
    /// One of two, by the way of ending.
    fn choose<T>(self, shutdown: T, close: T) -> T {
        match self {
            By::Shutdown => shutdown,
            By::Close => close,
        }
    }
}

// ------------------------------------------------------------------------------ under the recipes

/// A socket under test on its way to its state.
#[derive(Debug)]
struct Subject {
    family: Family,
    local: SocketAddr,
    remote: SocketAddr,
    socket: Option<Socket>,
    peer: Option<Socket>,
    keep: Vec<Socket>,
}

impl Subject {
    fn new(
        family: Family,
        local: SocketAddr,
        remote: SocketAddr,
        socket: Option<Socket>,
    ) -> Subject {
        Subject { family, local, remote, socket, peer: None, keep: Vec::new() }
    }

    /// Waits until the socket's row is in the state, has the right inode and satisfies `also`.
    fn wait(&self, state: &str, also: impl Fn(&Row) -> bool) -> Result<Row> {
        let inode = match &self.socket {
            Some(socket) if state != "TIME_WAIT" => inode_of(socket)?,
            _ => 0,
        };
        let wanted = format!("{} {} {state} inode {inode}", self.local, self.remote);
        procnet::wait(self.family.tcp(), &wanted, |row| {
            (row.local, row.remote) == (self.local, self.remote)
                && (row.state_name(), row.inode) == (state, inode)
                && also(row)
        })
    }

    /// Waits for the last state and finishes the recipe.
    fn hold(self, what: &'static str, state: &'static str) -> Result<Held> {
        let row = self.wait(state, |_| true).with_context(|| what)?;
        Ok(self.held(what, state, Some(row)))
    }

    /// Finishes the recipe.
    fn held(self, what: &'static str, state: &'static str, row: Option<Row>) -> Held {
        Held {
            what,
            family: self.family,
            state,
            local: self.local,
            remote: self.remote,
            row,
            subject: self.socket,
            peer: self.peer,
            keep: self.keep,
        }
    }
}

/// A connection under construction, to bring step by step where a test wants it. The server's end
/// is the socket under test.
#[derive(Debug)]
pub struct Conn {
    subject: Subject,
}

impl Conn {
    /// A connection that the server has accepted.
    pub fn accepted(family: Family) -> Result<Conn> {
        let mut conn = Conn::unaccepted(family)?;
        conn.accept()?;
        Ok(conn)
    }

    /// A connection that waits in the accept queue.
    pub fn unaccepted(family: Family) -> Result<Conn> {
        let conn = Conn::to(family, listening(family, 7)?)?;
        conn.wait("ESTABLISHED")?;
        Ok(conn)
    }

    /// Connects a client to `listener`, and keeps that.
    fn to(family: Family, listener: Socket) -> Result<Conn> {
        let port = address_of(&listener)?.port();
        let client = connected_to(family, port)?;
        let remote = family.loopback(address_of(&client)?.port());
        let mut subject = Subject::new(family, family.loopback(port), remote, None);
        subject.peer = Some(client);
        subject.keep.push(listener);
        Ok(Conn { subject })
    }

    /// Takes the connection from the accept queue.
    pub fn accept(&mut self) -> Result<()> {
        let listener = self.subject.keep.first().context("no listener")?;
        let (server, _) = listener.accept().context("accept")?;
        // A recipe that is wrong about what there is to read must not hang.
        server.set_read_timeout(Some(PATIENCE))?;
        self.subject.socket = Some(server);
        Ok(())
    }

    /// The address of the server's end, as its table shows it.
    pub fn local(&self) -> SocketAddr {
        self.subject.local
    }

    /// The address of the client's end, as the server's table shows it.
    pub fn remote(&self) -> SocketAddr {
        self.subject.remote
    }

    /// The socket under test.
    pub fn server(&self) -> Result<&Socket> {
        self.subject.socket.as_ref().ok_or_else(|| anyhow!("the server's end is not open"))
    }

    /// The other end.
    pub fn client(&self) -> Result<&Socket> {
        self.subject.peer.as_ref().ok_or_else(|| anyhow!("the client's end is not open"))
    }

    /// From now on everything that the server sends gets lost.
    pub fn deafen_client(&self) -> Result<()> {
        hear_nothing(self.client()?)
    }

    /// The server's program ends its side.
    pub fn end_server(&mut self, by: By) -> Result<()> {
        end(&mut self.subject.socket, by)
    }

    /// The client's program ends its side.
    pub fn end_client(&mut self, by: By) -> Result<()> {
        end(&mut self.subject.peer, by)
    }

    /// Waits until the server's end is in the state, by the kernel's name.
    pub fn wait(&self, state: &str) -> Result<Row> {
        self.subject.wait(state, |_| true)
    }

    /// The same, until the row satisfies `also`.
    pub fn wait_with(&self, state: &str, also: impl Fn(&Row) -> bool) -> Result<Row> {
        self.subject.wait(state, also)
    }

    /// Waits for the last state and stops there.
    pub fn hold(self, what: &'static str, state: &'static str) -> Result<Held> {
        self.subject.hold(what, state)
    }
}

/// Ends one side of a connection.
fn end(socket: &mut Option<Socket>, by: By) -> Result<()> {
    match by {
        By::Shutdown => socket
            .as_ref()
            .context("already closed")?
            .shutdown(std::net::Shutdown::Write)
            .context("shutdown"),
        By::Close => {
            drop(socket.take().context("already closed")?);
            Ok(())
        }
    }
}

/// A listening socket of the family.
pub fn listening(family: Family, backlog: u32) -> Result<Socket> {
    let socket = family.tcp_socket()?;
    bind(&socket, family.server())?;
    socket.listen(backlog.try_into()?).context("listen")?;
    Ok(socket)
}

/// A client that is connected to the port of a server of the family.
pub fn connected_to(family: Family, port: u16) -> Result<Socket> {
    let client = family.of_peer().tcp_socket()?;
    let target = family.of_peer().loopback(port);
    client
        .connect_timeout(&target.into(), PATIENCE)
        .with_context(|| format!("connecting to {target}"))?;
    Ok(client)
}

/// Sends a SYN and does not wait for what comes back.
pub(super) fn start_connect(socket: &Socket, target: SocketAddr) -> Result<()> {
    socket.set_nonblocking(true)?;
    match socket.connect(&target.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(()),
        Ok(()) => Err(anyhow!("connecting to {target} succeeded at once")),
        Err(error) => Err(error).with_context(|| format!("connecting to {target}")),
    }
}

/// A port on which nobody listens, and the socket that keeps it so.
fn reserve_port(family: Family) -> Result<(u16, Socket)> {
    let socket = family.tcp_socket()?;
    bind(&socket, family.loopback(0))?;
    Ok((address_of(&socket)?.port(), socket))
}

/// Binds a socket.
pub fn bind(socket: &Socket, address: SocketAddr) -> Result<()> {
    socket.bind(&SockAddr::from(address)).with_context(|| format!("bind to {address}"))
}

/// A socket's own address.
pub fn address_of(socket: &Socket) -> Result<SocketAddr> {
    let address = socket.local_addr().context("getsockname")?;
    address.as_socket().context("no internet address")
}

/// Makes everything that is sent to the socket get lost.
fn hear_nothing(socket: &Socket) -> Result<()> {
    const DROP: SockFilter = filter(libc::BPF_RET | libc::BPF_K, 0, 0, 0);
    socket.attach_filter(&[DROP]).context("SO_ATTACH_FILTER")
}

/// Makes everything that is sent to the socket get lost, except for segments with the SYN flag.
/// On a listener it holds for the connections that are being made through it, too.
fn hear_only_syns(socket: &Socket) -> Result<()> {
    // The filter sees the segment from the TCP header on.
    const FLAGS_OFFSET: u32 = 13;
    const SYN: u32 = 2;
    socket
        .attach_filter(&[
            filter(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, FLAGS_OFFSET),
            filter(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, SYN),
            filter(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
            filter(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
        ])
        .context("SO_ATTACH_FILTER")
}

/// One instruction of a classic BPF program.
const fn filter(code: u32, if_true: u8, if_false: u8, operand: u32) -> SockFilter {
    // Every code fits: the kernel's own field has 16 bits.
    SockFilter::new(code as u16, if_true, if_false, operand)
}
