//! Files of weights: the first byte says of which kind. Every tensor that is named is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reliad_weights::Source;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let name = ["a.safetensors", "a.pth", "a.bin"][usize::from(*kind) % 3];
    if let Ok(source) = Source::from_bytes(bytes.to_vec(), name) {
        let names: Vec<String> = source.tensors().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let _ = source.read(&name);
        }
    }
});
