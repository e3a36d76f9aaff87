//! A recorded dump (`list --from`).

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockstate_fuzz::dump_file::run(data));
