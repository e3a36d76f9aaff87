//! A datagram of the kernel as rows of the tables that are not of the internet.

use sockstate::testing::kernel::netlink_diag::NetlinkMessage;
use sockstate::testing::kernel::packet_diag::PacketMessage;
use sockstate::testing::kernel::unix_diag::UnixMessage;
use sockstate::testing::kernel::vsock_diag::VsockMessage;
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;

use super::{feed, show};

/// What must hold of any input.
pub fn run(data: &[u8]) {
    feed(data, &mut |payload| {
        if let Some(message) = UnixMessage::parse(payload) {
            let facts = Facts::Unix(message.attributes);
            show(&Row { socket: Socket::from_unix_diag(&message), facts });
        }
        if let Some(message) = NetlinkMessage::parse(payload) {
            let facts = Facts::Netlink(message.attributes);
            show(&Row { socket: Socket::from_netlink_diag(&message), facts });
        }
        if let Some(message) = PacketMessage::parse(payload) {
            let facts = Facts::Packet(message.attributes);
            show(&Row { socket: Socket::from_packet_diag(&message), facts });
        }
        if let Some(message) = VsockMessage::parse(payload) {
            let facts = Facts::None;
            show(&Row { socket: Socket::from_vsock_diag(&message), facts });
        }
    });
}
