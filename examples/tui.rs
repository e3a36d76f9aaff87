use sockstate::engine::Events;
use sockstate::model::want::{Proto, TableId};
use sockstate::rules::Config;
use sockstate::source::Choice;
use sockstate::tui::{Collecting, Setup, app::Fixed, keys::Keymap, theme::Theme};
fn main() {
    let tables: Vec<TableId> = TableId::ALL
        .into_iter()
        .filter(|t| matches!(t.proto, Proto::Tcp | Proto::Udp | Proto::Raw | Proto::Unix))
        .collect();
    let setup = Setup {
        collecting: Collecting {
            choice: Choice::Auto,
            proc_root: "/proc".into(),
            tables: tables.clone(),
            config: Config::default(),
            own: vec![],
            events: Events::Auto,
            max_cpu: 5.0,
        },
        fixed: Fixed {
            tables,
            theme: Theme { color: true, unicode: true },
            keymap: Keymap::default(),
            allow_actions: true,
            host: "vm".into(),
            sources: String::new(),
        },
        interval_ms: 1000,
        filter: String::new(),
        mouse: true,
        notifier: None,
    };
    println!("{:?}", sockstate::tui::run(setup));
}
