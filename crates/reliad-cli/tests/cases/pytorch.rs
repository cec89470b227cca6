//! Weights in PyTorch's own format, as `torch.save` writes a state dict: an archive with a pickle of the tensors' places.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Writes the tensors of a `.safetensors` file to `to` and removes it.
pub fn pickle(from: &Path, to: &Path) {
    let bytes = fs::read(from).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut archive = ZipWriter::new(File::create(to).unwrap());
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut put = |name: &str, bytes: &[u8]| {
        archive
            .start_file(format!("archive/{name}"), stored)
            .unwrap();
        archive.write_all(bytes).unwrap();
    };
    // Protocol 2, an empty dictionary, a mark for its entries.
    let mut program = b"\x80\x02}(".to_vec();
    for (number, (name, tensor)) in tensors.tensors().into_iter().enumerate() {
        let storage = match tensor.dtype() {
            Dtype::F32 => "FloatStorage",
            Dtype::F16 => "HalfStorage",
            Dtype::I64 => "LongStorage",
            other => panic!("{other:?}"),
        };
        let shape = tensor.shape();
        let count: usize = shape.iter().product();
        text(&mut program, &name);
        program.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut program, "storage");
        program.extend(format!("ctorch\n{storage}\n").bytes());
        text(&mut program, &number.to_string());
        text(&mut program, "cpu");
        integer(&mut program, count);
        // Of the storage: the whole, from its beginning.
        program.extend(b"tQ");
        integer(&mut program, 0);
        let strides = (0..shape.len()).map(|at| shape[at + 1..].iter().product());
        for numbers in [shape.to_vec(), strides.collect()] {
            program.push(b'(');
            numbers
                .iter()
                .for_each(|&number| integer(&mut program, number));
            program.push(b't');
        }
        program.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        put(&format!("data/{number}"), tensor.data());
    }
    program.extend(b"u.");
    put("data.pkl", &program);
    put("version", b"3\n");
    put("byteorder", b"little");
    archive.finish().unwrap();
    fs::remove_file(from).unwrap();
}

fn text(program: &mut Vec<u8>, text: &str) {
    program.push(b'X');
    program.extend((text.len() as u32).to_le_bytes());
    program.extend(text.bytes());
}

fn integer(program: &mut Vec<u8>, number: usize) {
    program.push(b'J');
    program.extend((number as u32).to_le_bytes());
}
