//! The chunks of a WebP file: whether they are all there.
//!
//! Source: *WebP Container Specification*, Google.

use crate::Problem;

/// Refuses a file that is shorter than its header or a chunk says.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Problem> {
    let Some(announced) = length_at(bytes, 4) else {
        return Err(Problem::Damaged("the WebP header is incomplete".to_owned()));
    };
    let announced = announced + 8;
    if (bytes.len() as u64) < announced {
        return Err(Problem::Damaged(format!(
            "{} of {announced} bytes are there",
            bytes.len()
        )));
    }
    // A decoder would ask for as much memory as a chunk says it has.
    let mut at = 12;
    while let Some(length) = length_at(bytes, at as usize + 4) {
        at += 8 + length;
        if at > bytes.len() as u64 {
            return Err(Problem::Damaged(
                "a part of the WebP reaches beyond the file's end".to_owned(),
            ));
        }
        at += length % 2;
    }
    Ok(())
}

/// Whether there is a chunk of this kind.
pub(crate) fn has(bytes: &[u8], kind: &[u8; 4]) -> bool {
    let mut at = 12;
    while let (Some(name), Some(length)) = (bytes.get(at..at + 4), length_at(bytes, at + 4)) {
        if name == kind {
            return true;
        }
        at += 8 + (length + length % 2) as usize;
    }
    false
}

fn length_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*field)))
}
