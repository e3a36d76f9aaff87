//! A datagram of the kernel as rows of the tables that are not of the internet.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockstate_fuzz::unix_rows::run(data));
