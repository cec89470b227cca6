//! `cargo xtask`: the checks that keep main green.

fn main() {}
