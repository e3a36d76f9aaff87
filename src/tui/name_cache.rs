//! Names for the numbers of sockets, asked for once a minute each.

use crate::model::socket::Socket;
use crate::sys::clock;
use crate::sys::names::Names;

use super::rows::Services;

/// Names that were asked for, of one kind at a time.
#[derive(Default)]
pub struct NameCache {
    names: Names,
    services: Services,
    since_ns: u64,
}

/// Names are asked for anew after so long: devices are renamed.
const NAMES_NS: u64 = 60_000_000_000;

impl NameCache {
    /// Adds the names of these sockets' ports and devices, and returns all.
    pub fn of<'s>(
        &mut self,
        sockets: impl Iterator<Item = &'s Socket>,
        services: Services,
    ) -> Names {
        let now_ns = clock::monotonic_ns();
        if self.services != services || now_ns.saturating_sub(self.since_ns) >= NAMES_NS {
            let names = match services {
                Services::Numbers => Names::new(false),
                Services::Names => Names::of_services(),
            };
            *self = Self { names, services, since_ns: now_ns };
        }
        sockets.for_each(|socket| self.add(socket));
        self.names.known()
    }

    fn add(&mut self, socket: &Socket) {
        if socket.ifindex != 0 {
            self.names.device(socket.ifindex);
        }
        let ends = [socket.local(), socket.remote()].into_iter().flatten();
        for end in ends.filter(|end| end.port != 0) {
            self.names.service(end.port, socket.table.proto);
        }
    }
}
