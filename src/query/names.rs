//! Names in a filter to what this system means by them.

use std::net::IpAddr;

use crate::filter::Resolver;
use crate::sys::cgroups::Cgroups;
use crate::sys::{names, users};

use crate::machine::Machine;

/// The system's knowledge of names; cgroups are read when one is named.
pub struct SystemNames<'e> {
    machine: &'e Machine,
    cgroups: Option<Cgroups>,
    /// True where name servers are asked.
    network: bool,
}

impl<'e> SystemNames<'e> {
    /// Makes the names of the machine's system, name servers included.
    pub fn new(machine: &'e Machine) -> Self {
        Self { machine, cgroups: None, network: true }
    }

    /// Makes the same for a text that is still being typed: no name server is
    /// asked for every letter of a host.
    pub fn while_typed(machine: &'e Machine) -> Self {
        Self { network: false, ..Self::new(machine) }
    }
}

impl Resolver for SystemNames<'_> {
    fn host(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
        if !self.network {
            return Err(format!("'{name}' is looked up when the line is finished"));
        }
        match names::host_addresses(name) {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) => Err(format!("'{name}' has no address")),
            Err(error) => Err(format!("no address of '{name}' could be found: {error}")),
        }
    }

    fn service(&mut self, name: &str) -> Result<Vec<u16>, String> {
        match names::service_ports(name) {
            found if found.is_empty() => Err(format!("no service is called '{name}'")),
            found => Ok(found),
        }
    }

    fn user(&mut self, name: &str) -> Result<u32, String> {
        users::user_id(name).ok_or_else(|| format!("no user is called '{name}'"))
    }

    fn device(&mut self, name: &str) -> Result<u32, String> {
        names::device_index(name).ok_or_else(|| format!("no network device is called '{name}'"))
    }

    fn cgroup(&mut self, path: &str) -> Result<u64, String> {
        let cgroups = self.cgroups.get_or_insert_with(|| self.machine.cgroups());
        cgroups.id(path).ok_or_else(|| match cgroups.mount() {
            Ok(_) => format!("there is no cgroup '{path}'"),
            Err(why) => why.to_owned(),
        })
    }
}
