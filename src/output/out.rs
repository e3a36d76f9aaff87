//! Standard output: collected into large writes, a closed pipe told apart.

use std::io::{self, Write};

/// Written out when this many bytes have gathered.
const FULL: usize = 64 * 1024;

/// A buffered output that remembers the first error.
///
/// Callers stop when [`Out::failed`] says so; the error itself is reported
/// once, by [`Out::finish`].
pub struct Out<'w> {
    sink: &'w mut dyn Write,
    buffer: Vec<u8>,
    error: Option<io::Error>,
}

impl<'w> Out<'w> {
    /// Makes an output to `sink`.
    pub fn new(sink: &'w mut dyn Write) -> Self {
        Self { sink, buffer: Vec::with_capacity(FULL + 4096), error: None }
    }

    /// Returns the bytes not written yet, to append to; call [`Out::advance`] after.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.advance();
    }

    /// Writes out when enough has gathered.
    pub fn advance(&mut self) {
        if self.buffer.len() >= FULL {
            self.flush();
        }
    }

    /// Writes out what has gathered.
    pub fn flush(&mut self) {
        if self.error.is_none() {
            let written = self.sink.write_all(&self.buffer).and_then(|()| self.sink.flush());
            self.error = written.err();
        }
        self.buffer.clear();
    }

    /// Tells whether writing has failed, so that more work is in vain.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Writes the rest.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush();
        self.error.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn everything_arrives_in_order() {
        let mut sink = Vec::new();
        let mut out = Out::new(&mut sink);
        let piece = [b'x'; 1000];
        for _ in 0..200 {
            out.write(&piece);
        }
        out.finish().expect("a Vec takes everything");
        assert_eq!(sink.len(), 200_000);
    }

    #[test]
    fn the_first_error_is_kept_and_reported_once() {
        let mut sink = Full;
        let mut out = Out::new(&mut sink);
        out.write(b"text");
        assert!(!out.failed());
        out.flush();
        assert!(out.failed());
        assert_eq!(out.finish().map_err(|e| e.kind()), Err(io::ErrorKind::StorageFull));
    }
}
