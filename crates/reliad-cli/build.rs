//! Rebuilds the binary when the embedded model's directory changes, also when files are added.

fn main() {
    println!("cargo::rerun-if-changed=../../models/mini");
}
