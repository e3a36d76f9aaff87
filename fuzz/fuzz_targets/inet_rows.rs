//! A datagram of the kernel as rows of every internet table.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockstate_fuzz::inet_rows::run(data));
