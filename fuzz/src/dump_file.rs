//! A recorded dump (`list --from`).

use sockstate::testing::kernel::dump_file::{DumpEntry, Entries, hide_keys};
use sockstate::testing::model::facts::Facts;
use sockstate::testing::model::proto::Proto;
use sockstate::testing::model::row::Row;
use sockstate::testing::model::socket::Socket;

use super::show;

/// What must hold of any input.
pub fn run(data: &[u8]) {
    let mut damage = None;
    for entry in Entries::new(data) {
        assert_eq!(damage, None, "damage is the last of them");
        match entry {
            DumpEntry::Row(message, _) => {
                let socket = Socket::from_inet_diag(&message, Proto::Tcp);
                show(&Row { socket, facts: Facts::Inet(message.attributes) });
            }
            DumpEntry::Damage(offset) => {
                assert!(offset <= data.len());
                damage = Some(offset);
            }
            DumpEntry::Refused(errno) => assert!(errno >= 0),
            DumpEntry::End | DumpEntry::Other => {}
        }
    }
    // Without its keys it is the same dump, and nothing is left to hide.
    let mut hidden = data.to_vec();
    hide_keys(&mut hidden);
    assert_eq!(hidden.len(), data.len());
    let again = Entries::new(&hidden);
    assert!(
        again
            .zip(Entries::new(data))
            .all(|(a, b)| { std::mem::discriminant(&a) == std::mem::discriminant(&b) })
    );
    let once = hidden.clone();
    hide_keys(&mut hidden);
    assert_eq!(hidden, once);
}
