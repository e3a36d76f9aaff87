//! Names for addresses, ports and devices, each asked for once.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;
use rustix::fd::OwnedFd;
use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketType, socket};

use crate::model::address::Address;
use crate::model::hash::KeyedMap;
use crate::model::proto::Proto;

use super::netns;

/// Turns numbers into names. Hosts and services are looked up only with
/// `--resolve`: a reverse lookup asks the network and may take seconds.
#[derive(Clone, Debug, Default)]
pub struct Names {
    asked: AskedNames,
    /// True where nobody is asked for what is not known yet.
    is_closed: bool,
    hosts: KeyedMap<Address, Option<String>>,
    services: KeyedMap<(u16, Proto), Option<String>>,
    devices: FxHashMap<u32, String>,
}

/// The things that names are wanted for, beside devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum AskedNames {
    #[default]
    Nothing,
    Services,
    HostsToo,
}

impl Names {
    /// Makes names for devices, and with `resolve` for hosts and services too.
    pub fn new(resolve: bool) -> Self {
        Self {
            asked: if resolve { AskedNames::HostsToo } else { AskedNames::Nothing },
            ..Self::default()
        }
    }

    /// Makes names for devices and services: nobody on the network is asked.
    pub fn of_services() -> Self {
        Self { asked: AskedNames::Services, ..Self::default() }
    }

    /// Returns what is known by now, to which nothing is added: whoever shows
    /// things by it asks nobody and waits for nobody.
    pub fn known(&self) -> Self {
        Self { is_closed: true, ..self.clone() }
    }

    /// Returns the name of an address, where names are wanted and it has one.
    pub fn host(&mut self, address: Address) -> Option<&str> {
        if self.asked < AskedNames::HostsToo || address.is_unspecified() {
            return None;
        }
        if !self.is_closed {
            let lookup = || dns_lookup::lookup_addr(&address.to_ip()).ok();
            self.hosts.entry(address).or_insert_with(lookup);
        }
        let found = self.hosts.get(&address)?;
        // A host without a name comes back as its own address.
        found.as_deref().filter(|name| name.parse::<std::net::IpAddr>().is_err())
    }

    /// Returns the service of a port, where names are wanted and it has one.
    pub fn service(&mut self, port: u16, proto: Proto) -> Option<&str> {
        if self.asked < AskedNames::Services || !matches!(proto, Proto::Tcp | Proto::Udp) {
            return None;
        }
        if !self.is_closed {
            let lookup = || service_name(port, proto == Proto::Udp);
            self.services.entry((port, proto)).or_insert_with(lookup);
        }
        self.services.get(&(port, proto))?.as_deref()
    }

    /// Returns the name of a network device; its number when it is gone.
    pub fn device(&mut self, ifindex: u32) -> &str {
        let is_closed = self.is_closed;
        self.devices.entry(ifindex).or_insert_with(|| {
            let name = if is_closed { None } else { device_name(ifindex) };
            name.unwrap_or_else(|| format!("if{ifindex}"))
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
    name_to_index(probe().ok()?, name).ok()
}

/// Opens a socket to ask of devices, in the namespace that is looked into.
fn probe() -> io::Result<OwnedFd> {
    Ok(netns::inside(|| socket(AddressFamily::UNIX, SocketType::DGRAM, None))??)
}

fn device_name(ifindex: u32) -> Option<String> {
    index_to_name(probe().ok()?, ifindex).ok()
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
    fn what_is_known_is_shown_and_nothing_is_added() {
        let mut names = Names::of_services();
        names.services.insert((80, Proto::Tcp), Some("http".to_owned()));
        let mut known = names.known();
        assert_eq!(known.service(80, Proto::Tcp), Some("http"));
        assert_eq!(known.service(22, Proto::Tcp), None);
        assert_eq!(known.device(1), "if1", "its number until it is known");
        assert_eq!((known.services.len(), known.hosts.len()), (1, 0));
    }

    #[test]
    fn the_first_device_is_the_loopback_and_a_missing_one_keeps_its_number() {
        let mut names = Names::new(false);
        assert_eq!(names.device(1), "lo");
        assert_eq!(names.device(4_000_000), "if4000000");
    }
}
