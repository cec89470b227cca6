//! Rebuilds the binary when an embedded model or the configurations change, also when files are added.

fn main() {
    println!("cargo::rerun-if-changed=../../models");
    println!("cargo::rerun-if-changed=../../configs");
}
