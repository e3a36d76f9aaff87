//! One process that holds sockets: this program again.
//!
//! It ends when its standard input ends, and the kernel ends it with its
//! parent, so that nothing is left behind however that goes.

#![expect(clippy::print_stdout, reason = "a holder answers on its standard output")]

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::process::ExitCode;

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};

/// The first argument that makes this program a holder; behind it stand its
/// number, how many pairs, and how many of them with one side closed.
pub const ARGUMENT: &str = "--holder";

/// Connections to one address: fewer than the ephemeral range holds.
const PER_ADDRESS: u64 = 9_000;

/// Listeners of each holder beside those of its pairs.
const LISTENERS: u64 = 20;

/// As many descriptors as the hard limit allows.
pub fn descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(1 << 20);
    limit.min(1 << 20)
}

/// Holds until standard input ends.
pub fn run(args: &[String]) -> ExitCode {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let limit = descriptors();
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum: Some(limit) });
    let number = |i: usize| args.get(i).and_then(|arg| arg.parse().ok()).unwrap_or(0);
    let mut held = Held::default();
    let made = held.make(number(0), number(1), number(2));
    answer(made.map(|()| held.listeners.len() as u64));
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let (word, count) = line.split_once(' ').unwrap_or((&line, "0"));
        let count = count.parse().unwrap_or(0);
        answer(match word {
            "time-wait" => held.time_wait(count),
            "change" => held.change(count),
            _ => Err(io::Error::other(format!("what is {word}?"))),
        });
    }
    ExitCode::SUCCESS
}

fn answer(result: io::Result<u64>) {
    match result {
        Ok(count) => println!("done {count}"),
        Err(error) => println!("holder {}: {error}", std::process::id()),
    }
}

/// A client and its server.
type Pair = (TcpStream, TcpStream);

#[derive(Default)]
struct Held {
    listeners: Vec<TcpListener>,
    /// How many of the listeners take the connections of pairs.
    busy: usize,
    pairs: VecDeque<Pair>,
    half_closed: Vec<Pair>,
    made: u64,
}

impl Held {
    fn make(&mut self, number: u64, pairs: u64, half_closed: u64) -> io::Result<()> {
        for part in 0..pairs.div_ceil(PER_ADDRESS) {
            let place = number * 16 + part;
            let [.., a, b] = (place as u16 + 1).to_be_bytes();
            let address = Ipv4Addr::new(127, 1 + (number % 200) as u8, a, b);
            self.listeners.push(TcpListener::bind(SocketAddrV4::new(address, 7000))?);
        }
        self.busy = self.listeners.len();
        for _ in 0..LISTENERS {
            self.listeners.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        }
        for _ in half_closed..pairs {
            let pair = self.pair()?;
            self.pairs.push_back(pair);
        }
        for _ in 0..half_closed {
            let (client, server) = self.pair()?;
            // The client becomes FIN_WAIT2 and keeps its descriptor, the
            // server CLOSE_WAIT.
            client.shutdown(Shutdown::Write)?;
            self.half_closed.push((client, server));
        }
        Ok(())
    }

    /// The next connection, over the addresses by turns.
    fn pair(&mut self) -> io::Result<Pair> {
        let listener = self
            .listeners
            .get(self.made as usize % self.busy.max(1))
            .ok_or_else(|| io::Error::other("no listener"))?;
        self.made += 1;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (server, _) = listener.accept()?;
        Ok((client, server))
    }

    /// Leaves connections behind in TIME_WAIT.
    fn time_wait(&mut self, count: u64) -> io::Result<u64> {
        for _ in 0..count {
            let (client, server) = self.pair()?;
            drop(client);
            drop(server);
        }
        Ok(count)
    }

    /// Ends the oldest connections and makes as many new ones; every fourth
    /// leaves a TIME_WAIT behind, the others end at once.
    fn change(&mut self, count: u64) -> io::Result<u64> {
        for i in 0..count {
            let Some((client, server)) = self.pairs.pop_front() else { break };
            if i % 4 != 0 {
                reset_on_close(&client)?;
            }
            drop(client);
            drop(server);
            let pair = self.pair()?;
            self.pairs.push_back(pair);
        }
        Ok(count)
    }
}

/// Closing it ends both sides at once.
fn reset_on_close(socket: &TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_socket_linger(socket, Some(std::time::Duration::ZERO))
        .map_err(io::Error::from)
}
