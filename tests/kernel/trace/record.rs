//! Makes the recording that unit tests and benchmarks decode:
//! `SOCKSTATE_RECORD=file cargo test --test kernel -- --ignored trace::record`.

use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use sockstate::testing::kernel::tracepoint::Tracepoint;
use sockstate::testing::sys::perf_cpu::{CpuEvents, Wanted, parse_cpu_list};
use sockstate::testing::sys::tracefs::Tracefs;

use super::traffic::{self, Server};
use crate::kit::states::{self, Family};
use crate::kit::{Result, Trial, trial};

/// The trial, which runs only when asked for.
pub fn trials() -> Vec<Trial> {
    vec![trial("record", record).by_hand()]
}

fn record() -> Result<()> {
    let path = std::env::var_os("SOCKSTATE_RECORD").context("SOCKSTATE_RECORD names no file")?;
    let tracefs = Tracefs::open()?;
    let mut wanted = Vec::new();
    for tracepoint in Tracepoint::ALL {
        let id = tracefs.format(tracepoint)?.context("not in this kernel")?.id;
        wanted.push(Wanted { id, filter: None });
    }
    let mut cpus = Vec::new();
    for cpu in parse_cpu_list(&fs::read_to_string("/sys/devices/system/cpu/online")?) {
        let events =
            CpuEvents::open(cpu, &wanted, 1 << 18).map_err(|error| anyhow!("{error:?}"))?;
        cpus.push(events);
    }
    perform()?;
    let mut bytes = Vec::new();
    for cpu in &mut cpus {
        cpu.take(&mut bytes);
    }
    fs::write(path, bytes)?;
    Ok(())
}

/// What the recording shows, all on loopback.
fn perform() -> Result<()> {
    for server in [Server::v4()?, Server::v6()?] {
        server.life()?;
        server.life()?;
        server.reset()?;
    }
    traffic::refused()?;
    let mapped = Server::v4()?;
    let client = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
    client.set_only_v6(false)?;
    let address = (Ipv4Addr::LOCALHOST.to_ipv6_mapped(), mapped.port());
    client.connect(&SockAddr::from(std::net::SocketAddr::from(address)))?;
    drop((client, mapped));
    // A SYN that nobody answers is sent again after a second.
    let held = states::syn_sent(Family::V4)?;
    std::thread::sleep(Duration::from_millis(1_500));
    drop(held);
    Ok(())
}
