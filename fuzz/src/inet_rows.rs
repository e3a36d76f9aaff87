//! A datagram of the kernel as rows of every internet table.

use sockstate::testing::kernel::inet_diag::InetMessage;
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::proto::Proto;
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;

use super::{feed, show};

/// What must hold of any input.
pub fn run(data: &[u8]) {
    feed(data, &mut |payload| {
        let Some(message) = InetMessage::parse(payload) else { return };
        // Which table it is from the request knows, not the message.
        let protos = [Proto::Tcp, Proto::Mptcp, Proto::Udp, Proto::Raw];
        let proto = protos[message.uid() as usize % protos.len()];
        let socket = Socket::from_inet_diag(&message, proto);
        show(&Row { socket, facts: Facts::Inet(message.attributes) });
    });
}
