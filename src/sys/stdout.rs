//! Standard output that was closed when the program began.
//!
//! The standard library opens /dev/null in its place before `main`, and every
//! answer would go there as if somebody had it. So it is looked at before.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Runs before the standard library begins.
#[expect(unsafe_code, reason = "nothing safe runs before main")]
// SAFETY: the loader calls what stands in this section, as functions of C.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

#[expect(unsafe_code, reason = "nobody owns a descriptor that may be closed")]
extern "C" fn look() {
    // SAFETY: it takes no pointer.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    WAS_CLOSED.store(flags == -1, Ordering::Relaxed);
}

/// Returns whether there was no standard output when the program began.
pub fn was_closed() -> bool {
    WAS_CLOSED.load(Ordering::Relaxed)
}

/// What stands in its place: nothing can be written to it.
pub struct Closed;

impl Write for Closed {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(Errno::BADF.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
