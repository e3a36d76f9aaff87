//! Details of a socket beyond the basics: the kernel's structures as
//! maps of named numbers.

use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::kernel::inet_diag::{MEMORY_FIELDS, SocketMemory};
use crate::kernel::layout::LayoutField;
use crate::kernel::{tcp_info, ulp};
use crate::model::row::Row;
use crate::model::socket::Ends;
use crate::output::cells::netlink_protocol;

use super::parts::{EndpointJson, StateJson};

/// A kernel structure as a map: `tcp_info`, `mptcp_info`, `bbr`, ….
pub struct Structure<'a> {
    bytes: &'a [u8],
    fields: &'static [LayoutField],
}

impl<'a> Structure<'a> {
    /// Returns a structure's bytes and what they mean.
    pub fn new(bytes: &'a [u8], fields: &'static [LayoutField]) -> Self {
        Self { bytes, fields }
    }
}

impl Serialize for Structure<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in self.fields {
            let Some(stored) = field.get(self.bytes) else { continue };
            let divisor = u64::from(field.divisor);
            match *field {
                tcp_info::CA_STATE => {
                    map.serialize_entry(field.name, &tcp_info::ca_state_name(stored))?;
                }
                tcp_info::OPTION_BITS => {
                    let names: Vec<&str> = tcp_info::option_names(stored).collect();
                    map.serialize_entry(field.name, &names)?;
                }
                _ if stored.is_multiple_of(divisor) => {
                    map.serialize_entry(field.name, &(stored / divisor))?;
                }
                _ => map.serialize_entry(field.name, &(stored as f64 / divisor as f64))?,
            }
        }
        map.end()
    }
}

/// Socket memory, as a map of [`MEMORY_FIELDS`].
pub struct Memory<'a>(pub SocketMemory<'a>);

impl Serialize for Memory<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in &MEMORY_FIELDS {
            if let Some(n) = self.0.get(field) {
                map.serialize_entry(field.name, &n)?;
            }
        }
        map.end()
    }
}

/// The protocol on top of the socket, as a map: its name, and its numbers.
pub struct UlpJson<'a>(pub ulp::Ulp<'a>);

impl Serialize for UlpJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.0.name)?;
        for item in self.0.items {
            if let Some(n) = self.0.get(item) {
                map.serialize_entry(item.name, &n)?;
            }
        }
        map.end()
    }
}

/// A TCP socket that carries part of an MPTCP connection.
#[derive(Serialize, JsonSchema)]
pub struct Subflow {
    /// Its state.
    pub state: StateJson,
    /// Its local end.
    pub local: Option<EndpointJson>,
    /// Its remote end.
    pub remote: Option<EndpointJson>,
}

impl From<Row<'_>> for Subflow {
    fn from(row: Row<'_>) -> Self {
        Self {
            state: StateJson(row.socket.state),
            local: row.socket.local().map(EndpointJson::from),
            remote: row.socket.remote().map(EndpointJson::from),
        }
    }
}

/// The ends of a netlink socket.
#[derive(Serialize, JsonSchema)]
pub struct Netlink {
    /// `NETLINK_*` by number.
    pub protocol: u8,
    /// The protocol's name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_name: Option<&'static str>,
    /// Our port id; 0 is the kernel.
    pub port_id: u32,
    /// The port id it is connected to.
    pub peer_port_id: u32,
}

/// The packets that a packet socket receives.
#[derive(Serialize, JsonSchema)]
pub struct Packet {
    /// `ETH_P_*`; 3 is every protocol. The device is `ifindex`.
    pub protocol: u16,
}

/// The ends of a vsock socket.
#[derive(Serialize, JsonSchema)]
pub struct Vsock {
    /// Our end.
    pub local: VsockEnd,
    /// The peer's end.
    pub remote: VsockEnd,
}

/// One end of a vsock socket; 4294967295 is any.
#[derive(Serialize, JsonSchema)]
pub struct VsockEnd {
    /// Context id.
    pub cid: u32,
    /// Port.
    pub port: u32,
}

/// Returns the ends of a netlink row.
pub fn netlink(ends: &Ends) -> Option<Netlink> {
    match *ends {
        Ends::Netlink { protocol, port, peer, .. } => Some(Netlink {
            protocol,
            protocol_name: netlink_protocol(protocol),
            port_id: port,
            peer_port_id: peer,
        }),
        _ => None,
    }
}

/// Returns which packets a packet socket receives.
pub fn packet(ends: &Ends) -> Option<Packet> {
    match *ends {
        Ends::Packet { protocol, .. } => Some(Packet { protocol }),
        _ => None,
    }
}

/// Returns the ends of a vsock row.
pub fn vsock(ends: &Ends) -> Option<Vsock> {
    let end = |(cid, port)| VsockEnd { cid, port };
    match *ends {
        Ends::Vsock { local, remote, .. } => Some(Vsock { local: end(local), remote: end(remote) }),
        _ => None,
    }
}
