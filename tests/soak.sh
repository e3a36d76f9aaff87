#!/bin/sh
# Runs `watch` for a long time while 2,000 connections a second come and go, on a
# terminal and as lines, and tells whether memory, descriptors and looks stay as
# they are. The machine should have nothing else to do: the tracepoint sees all
# of it. Usage: tests/soak.sh [MINUTES], 25 unless told otherwise.
set -eu
cd "$(dirname "$0")/.."
SOCKSTATE_SOAK="${1:-25}" exec cargo test --locked --release --test kernel -- --ignored soak
