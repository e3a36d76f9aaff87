//! Memory that the system refuses: an error of this program, with its exit
//! status, in place of an abort.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// The exit status where memory is refused.
static STATUS: AtomicU8 = AtomicU8::new(1);

/// What is done first, by a program that owns a terminal.
static BEFORE: OnceLock<fn()> = OnceLock::new();

/// Sets the exit status for when memory is refused.
pub fn set_status(status: u8) {
    STATUS.store(status, Ordering::Relaxed);
}

/// Sets what is done before the program ends because memory is refused. It must
/// not need much.
pub fn set_before(before: fn()) {
    // One that is there already is the same.
    let _ = BEFORE.set(before);
}

/// The system's allocator, which ends the program where that has no more.
struct Ending;

#[global_allocator]
static ALLOCATOR: Ending = Ending;

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Ending {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the promises of this trait.
        granted(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        granted(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        granted(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn granted(memory: *mut u8, size: usize) -> *mut u8 {
    if memory.is_null() {
        refused(size);
    }
    memory
}

/// Ends the program, with a line of why.
#[cold]
fn refused(size: usize) -> ! {
    static ENDS: AtomicBool = AtomicBool::new(false);
    if !ENDS.swap(true, Ordering::SeqCst) {
        if let Some(before) = BEFORE.get() {
            before();
        }
        say(size);
    }
    end(STATUS.load(Ordering::Relaxed).into())
}

/// Writes the line without any memory but the stack's. It goes to the
/// descriptor: the thread that fails may hold the lock of standard error.
fn say(size: usize) {
    let mut line = [0; 80];
    let mut rest = &mut line[..];
    let _ = writeln!(rest, "sockstate: out of memory: {size} bytes were refused");
    let left = rest.len();
    let written = line.len() - left;
    let _ = rustix::io::write(std::io::stderr().as_fd(), &line[..written]);
}

#[expect(unsafe_code, reason = "std has no exit that runs nothing more")]
fn end(status: i32) -> ! {
    // SAFETY: it takes no pointer and does not return.
    unsafe { libc::_exit(status) }
}
