//! Rebuilds the binary when the embedded model or the configurations change, also when files are added.

fn main() {
    println!("cargo::rerun-if-changed=../../models/mini");
    println!("cargo::rerun-if-changed=../../configs");
}
