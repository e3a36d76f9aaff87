//! What holds for every history: a small world of sockets lives by the
//! kernel's rules, the tracker sees it through bad dumps and good events.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use proptest::collection::vec;
use proptest::prelude::*;
use sockstate::testing::model::identity::Identity;
use sockstate::testing::model::lifecycle::EDGES;
use sockstate::testing::model::moment::Moment;
use sockstate::testing::model::proto::Proto;
use sockstate::testing::model::state::State;
use sockstate::testing::model::transition::{Source, Transition, TransitionKind};
use sockstate::testing::track::{Answer, Applied, Complete, ExactEvent, Question, Tracker};

use super::rows::MadeRow;

/// Cookie and local port: in this world all have the same peer.
type Key = (u64, u16);

/// A decision taken from a random number; the rest of it decides the next.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // The constants of Knuth's MMIX generator.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides.max(1)
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.roll(one_in) == 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    from: State,
    to: State,
}

/// The truth.
struct World {
    now: u64,
    next_cookie: u64,
    sockets: BTreeMap<Key, State>,
    /// Local ports are 1 to this.
    ports: u16,
    /// Ports freed in this round: two lives of the same ends within one dump
    /// cannot be told apart by rows, and the kernel waits a second
    /// (`tcp_twsk_unique`).
    resting: BTreeSet<u16>,
    /// What really happened, in order.
    history: Vec<(Key, Change)>,
}

impl World {
    fn new(sockets: usize) -> Self {
        let states = [State::Established, State::SynSent, State::CloseWait, State::TimeWait];
        let all = (1..=sockets as u64).map(|n| ((n, n as u16), states[n as usize % 4]));
        Self {
            now: 1_000_000_000,
            next_cookie: sockets as u64 + 1,
            sockets: all.collect(),
            ports: 60_000,
            resting: BTreeSet::new(),
            history: Vec::new(),
        }
    }

    /// One thing happens; returns the event that the tracepoint makes of it.
    fn step(&mut self, dice: &mut Dice) -> Option<ExactEvent> {
        self.now += 1_000_000;
        let room = self.sockets.len() + self.resting.len() < usize::from(self.ports);
        if room && (self.sockets.is_empty() || dice.chance(4)) {
            return Some(self.open(dice));
        }
        let (key, from) =
            self.sockets.iter().nth(dice.roll(self.sockets.len())).map(|(k, s)| (*k, *s))?;
        let nexts: Vec<State> = EDGES.iter().filter(|e| e.0 == from).map(|e| e.1).collect();
        let to = nexts[dice.roll(nexts.len())];
        self.history.push((key, Change { from, to }));
        if to == State::Close {
            self.sockets.remove(&key);
            self.resting.insert(key.1);
        } else {
            self.sockets.insert(key, to);
        }
        // The tracepoint knows no TIME_WAIT: entering is CLOSE, leaving is silent.
        if from == State::TimeWait {
            return None;
        }
        let told = if to == State::TimeWait { State::Close } else { to };
        Some(self.event(key, from, told))
    }

    fn open(&mut self, dice: &mut Dice) -> ExactEvent {
        let taken: BTreeSet<u16> =
            self.sockets.keys().map(|key| key.1).chain(self.resting.iter().copied()).collect();
        let mut port = 1 + dice.roll(self.ports.into()) as u16;
        while taken.contains(&port) {
            port = port % self.ports + 1;
        }
        let key = (self.next_cookie, port);
        self.next_cookie += 1;
        let (from, to) = match dice.roll(2) {
            0 => (State::Close, State::SynSent),
            _ => (State::Listen, State::SynRecv),
        };
        self.sockets.insert(key, to);
        self.history.push((key, Change { from, to }));
        self.event(key, from, to)
    }

    fn event(&self, key: Key, from: State, to: State) -> ExactEvent {
        let mut identity = Identity::of(&row(key, from).socket);
        identity.cookie = 0;
        let (at, source) = (Moment(self.now), Source::Tracepoint);
        ExactEvent { at, identity, from: Some(from), to, source }
    }

    /// A dump of the present: some rows missed, some twice, some displaced by
    /// up to eight places.
    fn dump(&self, dice: &mut Dice, bad: bool) -> Vec<MadeRow> {
        let mut rows: Vec<MadeRow> = Vec::new();
        // The order of a hash table: by the ends, in no meaningful order.
        let mut keys: Vec<(Key, State)> = self.sockets.iter().map(|(k, s)| (*k, *s)).collect();
        keys.sort_by_key(|((_, port), _)| port.wrapping_mul(40_503));
        for (key, state) in keys {
            if bad && dice.chance(10) {
                continue;
            }
            rows.push(row(key, state));
            if bad && dice.chance(10) {
                let back = rows.len() - 1 - dice.roll(rows.len().min(8));
                rows.push(rows[back].clone());
            }
        }
        for at in 0..rows.len() {
            if bad && dice.chance(5) {
                let other = (at + dice.roll(8)).min(rows.len() - 1);
                rows.swap(at, other);
            }
        }
        rows
    }
}

fn row(key: Key, state: State) -> MadeRow {
    let local = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), key.1));
    let remote = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 2), 443));
    let made = MadeRow::new(Proto::Tcp, state, local, remote, key.0);
    if state == State::TimeWait { made.expiring(60_000) } else { made }
}

fn key(identity: &Identity) -> Key {
    (identity.cookie, identity.endpoints().expect("an internet socket").0.port)
}

/// What the tracker says, and what follows from it.
#[derive(Default)]
struct Ledger {
    told: Vec<Transition>,
    present: BTreeMap<Key, State>,
    /// Keys do not change: no event makes a socket known before its cookie.
    strict: bool,
}

impl Ledger {
    fn hear(&mut self, transition: Transition) {
        assert!(transition.when.min() <= transition.when.max(), "{transition:?}");
        if let Some(dwell) = transition.dwell {
            assert!(dwell.max.is_none_or(|max| dwell.min <= max), "{transition:?}");
        }
        if self.strict {
            self.book(&transition);
        }
        self.told.push(transition);
    }

    fn book(&mut self, transition: &Transition) {
        let key = key(&transition.identity);
        match transition.kind {
            TransitionKind::Opened => {
                assert_eq!(self.present.insert(key, transition.to), None, "{transition:?}")
            }
            TransitionKind::Changed => {
                let before = self.present.insert(key, transition.to);
                assert_eq!(before, transition.from, "{transition:?}");
            }
            TransitionKind::Ended => {
                assert_eq!(self.present.remove(&key), transition.from, "{transition:?}");
            }
            TransitionKind::Passed => {}
        }
    }
}

fn answer_all(tracker: &mut Tracker, world: &World, ledger: &mut Ledger) {
    answer(tracker, world, ledger, |_| true);
}

fn answer(
    tracker: &mut Tracker,
    world: &World,
    ledger: &mut Ledger,
    which: impl Fn(&Question) -> bool,
) {
    let questions: Vec<Question> = tracker.questions().filter(|question| which(question)).collect();
    for question in questions {
        let key = key(&question.identity);
        // An exact request finds by the ends; a cookie of 0 fits any.
        let found =
            world.sockets.iter().find(|(k, _)| k.1 == key.1 && (k.0 == key.0 || key.0 == 0));
        let made = found.map(|(key, state)| row(*key, *state));
        let made = made.as_ref().map(MadeRow::row);
        let answer = if made.is_some() { Answer::Present(made.as_ref()) } else { Answer::Gone };
        tracker.answer(question.ticket, answer, Moment(world.now), &mut |t| ledger.hear(t));
    }
}

fn counted(tracker: &Tracker) -> BTreeMap<Key, State> {
    let mut present = BTreeMap::new();
    for tracked in tracker.iter() {
        let twice = present.insert(key(&tracked.identity), tracked.state);
        assert_eq!(twice, None, "in two states at once: {tracked:?}");
    }
    present
}

fn balance(tracker: &Tracker) {
    let totals = tracker.totals();
    let present = totals.first + totals.opened - totals.ended - totals.foreign;
    assert_eq!(present, tracker.iter().count() as u64, "{totals:?}");
}

/// Snapshots only, bad ones, with every question answered by the truth.
fn polls(seeds: &[u64], answers: bool) -> Vec<Transition> {
    let (mut world, mut tracker, mut ledger) = (World::new(40), Tracker::new(), Ledger::default());
    ledger.present = world.sockets.clone();
    ledger.strict = true;
    for (round, seed) in seeds.iter().chain(&[1, 2, 3]).enumerate() {
        let mut dice = Dice(*seed);
        let clean = round == 0 || round >= seeds.len();
        world.resting.clear();
        if round > 0 && !clean {
            (0..dice.roll(12)).for_each(|_| _ = world.step(&mut dice));
        }
        world.now += 1_000_000;
        tracker.begin(Moment(world.now));
        world.dump(&mut dice, !clean).iter().for_each(|made| tracker.row(&made.row()));
        world.now += 1_000_000;
        let complete = if clean || dice.chance(2) { Complete::all() } else { Complete::NONE };
        tracker.end(Moment(world.now), complete, &mut |t| ledger.hear(t));
        let before = ledger.told.len();
        if answers || clean {
            answer_all(&mut tracker, &world, &mut ledger);
        }
        tracker.settle(Moment(world.now), &mut |t| ledger.hear(t));
        for t in &ledger.told[before..] {
            let truth = world.sockets.get(&key(&t.identity)).copied();
            match t.kind {
                // What is asked for is never contradicted by the answer.
                TransitionKind::Ended if answers || clean => assert_eq!(truth, None, "{t:?}"),
                TransitionKind::Ended => {}
                _ => assert_eq!(truth, Some(t.to), "{t:?}"),
            }
        }
        balance(&tracker);
        assert_eq!(counted(&tracker), ledger.present);
    }
    assert_eq!(ledger.present, world.sockets, "clean dumps end in the truth");
    ledger.told
}

/// Every event is delivered: some before, some during, some after the dump that
/// shows what they did; each row is read at a time of its own. With `late` some
/// come only when the snapshot is settled.
fn events(seeds: &[u64], late: bool) -> (World, Vec<Transition>) {
    let (mut world, mut tracker, mut ledger) = (World::new(20), Tracker::new(), Ledger::default());
    world.ports = 40;
    for (round, seed) in [9].iter().chain(seeds).chain(&[1, 2]).enumerate() {
        let mut dice = Dice(*seed);
        let quiet = round == 0 || round > seeds.len();
        world.resting.clear();
        let mut queue = std::collections::VecDeque::new();
        if !quiet {
            (0..dice.roll(20)).for_each(|_| queue.extend(world.step(&mut dice)));
        }
        deliver(&mut tracker, &world, &mut queue, dice.roll(20), &mut ledger);
        world.now += 1_000_000;
        tracker.begin(Moment(world.now));
        for port in 0..=41 {
            while !quiet && dice.chance(4) {
                queue.extend(world.step(&mut dice));
                deliver(&mut tracker, &world, &mut queue, dice.roll(2), &mut ledger);
            }
            for (key, state) in world.sockets.iter().filter(|(key, _)| key.1 == port) {
                if quiet || !dice.chance(20) {
                    tracker.row(&row(*key, *state).row());
                }
            }
        }
        world.now += 1_000_000;
        tracker.end(Moment(world.now), Complete::all(), &mut |t| ledger.hear(t));
        let now = if late { dice.roll(8) } else { queue.len() };
        deliver(&mut tracker, &world, &mut queue, now, &mut ledger);
        answer_all(&mut tracker, &world, &mut ledger);
        tracker.settle(Moment(world.now), &mut |t| ledger.hear(t));
        let rest = queue.len();
        deliver(&mut tracker, &world, &mut queue, rest, &mut ledger);
        answer_all(&mut tracker, &world, &mut ledger);
        balance(&tracker);
    }
    assert_eq!(counted(&tracker), world.sockets, "quiet dumps end in the truth");
    (world, ledger.told)
}

fn deliver(
    tracker: &mut Tracker,
    world: &World,
    queue: &mut std::collections::VecDeque<ExactEvent>,
    count: usize,
    ledger: &mut Ledger,
) {
    for event in queue.drain(..count.min(queue.len())) {
        let applied = tracker.apply(&event, &mut |t| ledger.hear(t));
        assert!(!matches!(applied, Applied::Vague), "{event:?}");
        if let Applied::Asks(asked) = applied {
            answer(tracker, world, ledger, |question| question.ticket == asked);
        }
    }
}

/// The states that the sockets of one port passed, one life after the other;
/// `None` is before the first.
type Lives = BTreeMap<u16, Vec<Option<State>>>;

fn lives_told(told: &[Transition]) -> Lives {
    let mut lives = Lives::new();
    for t in told {
        let life = lives.entry(key(&t.identity).1).or_default();
        // What two looks lacked is forgotten: it goes on where it was when events come late.
        let goes_on = t.from != Some(State::Close) && life.last() == Some(&t.from);
        assert!(t.kind != TransitionKind::Passed || goes_on, "every socket here is known: {t:?}");
        if t.kind == TransitionKind::Opened && !goes_on {
            assert!(matches!(life.last(), None | Some(Some(State::Close))), "{life:?} {t:?}");
            life.push(None);
        } else if let Some(last) = life.last() {
            assert_eq!(*last, t.from, "{life:?} {t:?}");
        } else {
            life.push(t.from);
        }
        life.push(Some(t.to));
    }
    lives
}

fn lives_lived(world: &World) -> Lives {
    let mut lives = Lives::new();
    for ((_, port), change) in &world.history {
        let life = lives.entry(*port).or_default();
        if matches!(change.from, State::Close | State::Listen) {
            life.push(None);
        } else if life.is_empty() {
            life.push(Some(change.from));
        }
        life.push(Some(change.to));
    }
    lives
}

/// Without TIME_WAIT, which only a look in time can show.
fn without_time_wait(life: &[Option<State>]) -> Vec<Option<State>> {
    life.iter().copied().filter(|state| *state != Some(State::TimeWait)).collect()
}

fn is_subsequence(part: &[Option<State>], whole: &[Option<State>]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|state| whole.any(|other| other == state))
}

/// Calls in an order that no program should make, with rows and events of a few
/// sockets: nothing panics, no socket is there twice, and a quiet look afterwards
/// gives the truth.
fn nonsense(seeds: &[u64]) {
    let mut tracker = Tracker::new();
    let mut tickets = Vec::new();
    let mut told = 0_u64;
    for (n, seed) in seeds.iter().enumerate() {
        let mut dice = Dice(*seed);
        let at = Moment((n as u64 + dice.roll(3) as u64) * 1_000_000);
        let state = State::from_kernel(1 + dice.roll(13) as u8);
        let key = (dice.roll(4) as u64, dice.roll(3) as u16);
        let mut made = row(key, state);
        made.socket.inode = dice.roll(3) as u32;
        match dice.roll(12) {
            0 => tracker.begin(at),
            1..=3 => tracker.row(&made.row()),
            4 => {
                let complete = [Complete::all(), Complete::NONE][dice.roll(2)];
                tracker.end(at, complete, &mut |_| told += 1);
            }
            5 => tracker.settle(at, &mut |_| told += 1),
            6 => tickets.extend(tracker.questions().map(|q| q.ticket)),
            7 if !tickets.is_empty() => {
                let there = made.row();
                let answers = [
                    Answer::Gone,
                    Answer::Unknown,
                    Answer::Present(None),
                    Answer::Present(Some(&there)),
                ];
                let ticket = tickets[dice.roll(tickets.len())];
                tracker.answer(ticket, answers[dice.roll(4)], at, &mut |_| told += 1);
            }
            8 => _ = tracker.resync(1),
            _ => {
                let from =
                    Some(State::from_kernel(1 + dice.roll(13) as u8)).filter(|_| dice.chance(2));
                let source = [Source::Tracepoint, Source::Destroy][dice.roll(2)];
                let to = if dice.chance(3) { State::Close } else { state };
                let identity = Identity::of(&made.socket);
                tracker.apply(&ExactEvent { at, identity, from, to, source }, &mut |_| told += 1);
            }
        }
    }
    // Whatever was open is closed by three complete looks.
    let (mut ledger, world) = (Ledger::default(), World::new(3));
    for round in 1..4 {
        let at = Moment(10_000_000_000 * round);
        tracker.begin(at);
        tracker.end(at, Complete::all(), &mut |t| ledger.hear(t));
        tracker.settle(at, &mut |t| ledger.hear(t));
    }
    assert_eq!(counted(&tracker), BTreeMap::new());
    balance(&tracker);
    for round in 4..6 {
        tracker.begin(Moment(10_000_000_000 * round));
        world.dump(&mut Dice(1), false).iter().for_each(|made| tracker.row(&made.row()));
        tracker.end(Moment(10_000_000_000 * round), Complete::all(), &mut |t| ledger.hear(t));
        tracker.settle(Moment(10_000_000_000 * round), &mut |t| ledger.hear(t));
    }
    assert_eq!(counted(&tracker), world.sockets);
    balance(&tracker);
}

/// Two sockets with the same ends passed unknown, two minisockets follow: the
/// first hand-over must not lay the ghost of the second.
#[test]
fn every_hand_over_is_booked() {
    nonsense(&[
        16_654_307_882_838_256_409,
        16_342_312_439_732_676_843,
        3_776_838_067_825_554_582,
        189_716_307_726_726_112,
        2_449_677_513_411_270_909,
        13_558_711_324_497_750_193,
        11_726_191_690_072_994_134,
        2_662_810_649_750_723_662,
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bad_dumps_invent_nothing_that_an_exact_request_contradicts(seeds in vec(any::<u64>(), 1..12)) {
        let told = polls(&seeds, true);
        prop_assert_eq!(told, polls(&seeds, true), "a replay says the same");
    }

    #[test]
    fn bad_dumps_without_answers_end_in_the_truth(seeds in vec(any::<u64>(), 1..12)) {
        polls(&seeds, false);
    }

    #[test]
    fn an_event_and_the_row_that_shows_it_count_once(seeds in vec(any::<u64>(), 1..8)) {
        let (world, told) = events(&seeds, false);
        let lived = lives_lived(&world);
        for (port, life) in lives_told(&told) {
            prop_assert!(is_subsequence(&life, &lived[&port]), "{port}: {life:?} of {:?}", lived[&port]);
            prop_assert_eq!(without_time_wait(&life), without_time_wait(&lived[&port]), "port {}", port);
        }
        prop_assert_eq!(events(&seeds, false).1, told, "a replay says the same");
    }

    #[test]
    fn calls_in_any_order_do_no_harm(seeds in vec(any::<u64>(), 1..60)) {
        nonsense(&seeds);
    }

    #[test]
    fn an_event_that_comes_late_is_not_told_again(seeds in vec(any::<u64>(), 1..8)) {
        let (world, told) = events(&seeds, true);
        let lived = lives_lived(&world);
        for (port, life) in lives_told(&told) {
            prop_assert!(is_subsequence(&life, &lived[&port]), "{port}: {life:?} of {:?}", lived[&port]);
        }
    }
}
