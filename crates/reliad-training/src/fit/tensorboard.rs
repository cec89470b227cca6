//! Event files that TensorBoard reads: scalars over steps.
//!
//! The container is TFRecord (length, masked CRC-32C of the length, data, masked CRC-32C of the data); each record an
//! `Event` message of tensorflow/core/util/event.proto, of which only the fields of scalars are written. The encoding of
//! a handful of fields is written here because the crates that do it bring a protocol compiler or are no longer kept.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Name of the file; TensorBoard looks for `tfevents` in it.
pub(crate) const FILE: &str = "events.out.tfevents.0.reliad";

/// A growing event file.
#[derive(Debug)]
pub(crate) struct EventFile {
    path: PathBuf,
}

/// The scalars of one step.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    /// Seconds since 1970.
    pub wall_time: f64,
    /// Steps done.
    pub step: u64,
    /// Names and values.
    pub scalars: Vec<(&'a str, f64)>,
}

impl EventFile {
    /// Writes the file anew, with these events.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn begin(path: &Path, events: &[Event<'_>]) -> Result<Self> {
        let mut bytes = record(&version());
        for event in events {
            bytes.extend(record(&message(event)));
        }
        reliad_files::write(path, &bytes).map_err(Error::io(path))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Appends an event.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn append(&self, event: &Event<'_>) -> Result<()> {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(&self.path)
            .map_err(Error::io(&self.path))?;
        file.write_all(&record(&message(event)))
            .map_err(Error::io(&self.path))
    }
}

/// The message that opens every event file.
fn version() -> Vec<u8> {
    let mut bytes = Vec::new();
    text(&mut bytes, 0x1a, b"brain.Event:2");
    bytes
}

fn message(event: &Event<'_>) -> Vec<u8> {
    let mut bytes = vec![0x09];
    bytes.extend(event.wall_time.to_le_bytes());
    bytes.push(0x10);
    varint(&mut bytes, event.step);
    let mut summary = Vec::new();
    for (tag, value) in &event.scalars {
        let mut scalar = Vec::new();
        text(&mut scalar, 0x0a, tag.as_bytes());
        scalar.push(0x15);
        scalar.extend((*value as f32).to_le_bytes());
        text(&mut summary, 0x0a, &scalar);
    }
    text(&mut bytes, 0x2a, &summary);
    bytes
}

/// A field of bytes: its key, length and content.
fn text(out: &mut Vec<u8>, key: u8, content: &[u8]) {
    out.push(key);
    varint(out, content.len() as u64);
    out.extend(content);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked(crc32c(&length)).to_le_bytes());
    bytes.extend(data);
    bytes.extend(masked(crc32c(data)).to_le_bytes());
    bytes
}

/// A checksum as TFRecord stores it.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli, reflected), bit by bit: a few hundred bytes a report.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            let carry = 0u32.wrapping_sub(crc & 1);
            (crc >> 1) ^ (0x82f6_3b78 & carry)
        })
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn checksums_are_the_standards() {
        // RFC 3720, B.4: 32 bytes of zeroes; and the catalogue's check value.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn files_are_byte_for_byte_those_of_tensorboard() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let events = [
            Event {
                wall_time: 1_700_000_000.5,
                step: 3,
                scalars: vec![("loss", 0.25), ("held_out/f1", 0.5)],
            },
            Event {
                wall_time: 1_700_000_060.0,
                step: 300,
                scalars: vec![("loss", 0.125)],
            },
        ];
        let file = EventFile::begin(&path, &events[..1]).unwrap();
        file.append(&events[1]).unwrap();
        // Written by tensorboard 2.21 (`parity/training/events.py`).
        let golden = include_bytes!("../../tests/fixtures/events.golden");
        assert_eq!(fs::read(&path).unwrap(), golden);
    }
}
