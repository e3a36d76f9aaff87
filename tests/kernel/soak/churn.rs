//! Connections made and closed all the time.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::kit::Result;

/// One connection in so many leaves a TIME_WAIT behind, the others are reset: there are not
/// enough ports for all.
const TIME_WAIT: u64 = 20;

pub struct Churn {
    ended: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    client: JoinHandle<()>,
}

impl Churn {
    /// Makes so many connections a second.
    pub fn start(per_second: u64) -> Result<Churn> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // The client closes first.
                let _ = stream.read(&mut [0; 16]);
            }
        });
        let (ended, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stop, count) = (Arc::clone(&ended), Arc::clone(&made));
        let client = thread::spawn(move || {
            let (begun, mut tried) = (Instant::now(), 0);
            while !stop.load(Ordering::Relaxed) {
                let due = Duration::from_micros(tried * 1_000_000 / per_second);
                thread::sleep(due.saturating_sub(begun.elapsed()));
                count.fetch_add(u64::from(connect(address, tried)), Ordering::Relaxed);
                tried += 1;
            }
        });
        Ok(Churn { ended, made, client })
    }

    /// Ends it; how many there were.
    pub fn stop(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.client.join();
        self.made.load(Ordering::Relaxed)
    }
}

/// Whether it could be made.
fn connect(address: SocketAddr, number: u64) -> bool {
    let Ok(stream) = TcpStream::connect(address) else { return false };
    if !number.is_multiple_of(TIME_WAIT) {
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    true
}
