//! Names for addresses, ports and devices, each asked for once.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;
use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketType, socket};

use crate::model::address::Address;
use crate::model::want::Proto;

/// Turns numbers into names. Hosts and services are looked up only with
/// `--resolve`: a reverse lookup asks the network and may take seconds.
#[derive(Default)]
pub struct Names {
    asked: Asked,
    hosts: FxHashMap<Address, Option<String>>,
    services: FxHashMap<(u16, Proto), Option<String>>,
    devices: FxHashMap<u32, String>,
}

/// The things that names are wanted for, beside devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    #[default]
    Nothing,
    Services,
    HostsToo,
}

impl Names {
    /// Makes names for devices, and with `resolve` for hosts and services too.
    pub fn new(resolve: bool) -> Self {
        Self { asked: if resolve { Asked::HostsToo } else { Asked::Nothing }, ..Self::default() }
    }

    /// Makes names for devices and services: nobody on the network is asked.
    pub fn of_services() -> Self {
        Self { asked: Asked::Services, ..Self::default() }
    }

    /// Returns the name of an address, where names are wanted and it has one.
    pub fn host(&mut self, address: Address) -> Option<&str> {
        if self.asked < Asked::HostsToo || address.is_unspecified() {
            return None;
        }
        let lookup = || dns_lookup::lookup_addr(&address.to_ip()).ok();
        let found = self.hosts.entry(address).or_insert_with(lookup);
        // A host without a name comes back as its own address.
        found.as_deref().filter(|name| name.parse::<std::net::IpAddr>().is_err())
    }

    /// Returns the service of a port, where names are wanted and it has one.
    pub fn service(&mut self, port: u16, proto: Proto) -> Option<&str> {
        if self.asked < Asked::Services || !matches!(proto, Proto::Tcp | Proto::Udp) {
            return None;
        }
        let lookup = || service_name(port, proto == Proto::Udp);
        self.services.entry((port, proto)).or_insert_with(lookup).as_deref()
    }

    /// Returns the name of a network device; its number when it is gone.
    pub fn device(&mut self, ifindex: u32) -> &str {
        self.devices.entry(ifindex).or_insert_with(|| {
            let probe = socket(AddressFamily::UNIX, SocketType::DGRAM, None);
            let name = probe.and_then(|probe| index_to_name(probe, ifindex));
            name.unwrap_or_else(|_| format!("if{ifindex}"))
        })
    }
}

/// Returns all addresses of a host.
///
/// # Errors
/// When it has none, or nobody answers.
pub fn host_addresses(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = dns_lookup::lookup_host(name)?.collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Returns the ports of a service in TCP and UDP, without repetition.
pub fn service_ports(name: &str) -> Vec<u16> {
    let mut ports = Vec::new();
    for socktype in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
        let hints = dns_lookup::AddrInfoHints { socktype, ..Default::default() };
        let found = dns_lookup::getaddrinfo(None, Some(name), Some(hints));
        let found = found.into_iter().flatten().flatten().map(|info| info.sockaddr.port());
        ports.extend(found);
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Returns the index of a network device.
pub fn device_index(name: &str) -> Option<u32> {
    let probe = socket(AddressFamily::UNIX, SocketType::DGRAM, None).ok()?;
    name_to_index(probe, name).ok()
}

fn service_name(port: u16, udp: bool) -> Option<String> {
    let flags = if udp { libc::NI_DGRAM } else { 0 };
    let address = SocketAddr::from(([0, 0, 0, 0], port));
    let (_, service) = dns_lookup::getnameinfo(&address, flags | libc::NI_NUMERICHOST).ok()?;
    (service != port.to_string()).then_some(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_looked_up_unasked() {
        let mut names = Names::new(false);
        assert_eq!(names.host(Address::v4([127, 0, 0, 1])), None);
        assert_eq!(names.service(80, Proto::Tcp), None);
        assert!(names.hosts.is_empty() && names.services.is_empty());
    }

    #[test]
    fn the_first_device_is_the_loopback_and_a_missing_one_keeps_its_number() {
        let mut names = Names::new(false);
        assert_eq!(names.device(1), "lo");
        assert_eq!(names.device(4_000_000), "if4000000");
    }
}
