//! The memory a perf event's ring is mapped to, and taking records out of it.
//!
//! The kernel writes records and moves `data_head`; we copy them out and move
//! `data_tail`, which gives the kernel the room back. Between the two the
//! kernel does not touch the bytes (`kernel/events/ring_buffer.c`).

use std::io;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::param::page_size;

use super::rights::{self, Purpose};

/// The offset of `data_head` in `struct perf_event_mmap_page`, before `data_tail`: the
/// kernel fixes them with a reserved array in front.
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = DATA_HEAD + 8;

/// The findings of [`RingMap::take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingTake {
    /// Bytes copied out.
    pub bytes: usize,
    /// At some time since the take before the last one the ring may have been
    /// too full for one more record.
    pub was_full: bool,
}

/// One ring, mapped until dropped.
#[derive(Debug)]
pub struct RingMap {
    base: NonNull<u8>,
    page: usize,
    /// Bytes of the ring proper, a power of two.
    data_len: usize,
    /// The place of the reader before the take before.
    earlier_tail: u64,
}

/// Room the kernel needs for the largest record together with a note of losses.
const LARGEST_RECORD: u64 = 512;

impl RingMap {
    /// Maps the ring of a perf event; `data_len` is a power of two and at
    /// least a page. The kernel makes the ring by this.
    #[expect(unsafe_code, reason = "the ring is shared memory")]
    pub fn new(event: impl AsFd, data_len: usize) -> io::Result<Self> {
        let page = page_size();
        if !data_len.is_power_of_two() || data_len < page {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let _raised = rights::raise(Purpose::RingMemory);
        // SAFETY: without an address of our own a new mapping is made, which hides no other.
        let base = unsafe {
            mmap(ptr::null_mut(), page + data_len, protection, MapFlags::SHARED, event, 0)?
        };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, page, data_len, earlier_tail: 0 })
    }

    /// Appends everything the kernel has written to `into` and frees its room.
    #[expect(unsafe_code, reason = "the ring is shared memory")]
    pub fn take(&mut self, into: &mut Vec<u8>) -> RingTake {
        // SAFETY: both are aligned to 8 bytes and inside the first page, which stays mapped
        // while `self` lives; the kernel, too, accesses them as single words.
        let (head, tail) = unsafe {
            (
                AtomicU64::from_ptr(self.base.add(DATA_HEAD).as_ptr().cast()),
                AtomicU64::from_ptr(self.base.add(DATA_TAIL).as_ptr().cast()),
            )
        };
        // Pairs with the barrier before the kernel's store (`perf_output_put_handle`).
        let from = tail.load(Ordering::Relaxed);
        let to = head.load(Ordering::Acquire);
        let room = self.data_len as u64;
        // The kernel keeps to_u64 - from within the ring; anything else would be a bug there.
        let len = to.wrapping_sub(from).min(room) as usize;
        let start = (from % room) as usize;
        let first = len.min(self.data_len - start);
        into.reserve(len);
        // SAFETY: the ring's data begins after the first page and is `data_len` long, so both
        // parts lie inside it: start + first <= data_len and len - first <= start. The kernel
        // leaves them alone until the tail moves, and no reference to them is made. `into` has
        // room for `len` more bytes, all of which are written before its length says so.
        unsafe {
            let data = self.base.add(self.page).as_ptr().cast_const();
            let end = into.as_mut_ptr().add(into.len());
            ptr::copy_nonoverlapping(data.add(start), end, first);
            ptr::copy_nonoverlapping(data, end.add(first), len - first);
            into.set_len(into.len() + len);
        }
        // Pairs with the kernel's load before it reuses the room (`__perf_output_begin`).
        tail.store(from.wrapping_add(len as u64), Ordering::Release);
        // While we copied, the kernel still had to keep off what was there at the last take.
        let was_full = to.wrapping_sub(self.earlier_tail) + LARGEST_RECORD > room;
        self.earlier_tail = from;
        RingTake { bytes: len, was_full }
    }
}

impl Drop for RingMap {
    #[expect(unsafe_code, reason = "the ring is shared memory")]
    fn drop(&mut self) {
        // SAFETY: this is the whole mapping made in `new`, and nothing borrowed from it is left:
        // no method hands out a reference. It can only fail for a range that is not one.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.page + self.data_len) };
    }
}

// SAFETY: the mapping belongs to the value alone and is not tied to the thread that made it.
#[expect(unsafe_code, reason = "a raw pointer makes the type !Send")]
unsafe impl Send for RingMap {}
