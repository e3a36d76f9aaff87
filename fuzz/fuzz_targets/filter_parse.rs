//! The filter language: text to an expression and everything made of one.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sockstate_fuzz::filter_parse::run(text));
