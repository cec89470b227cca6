//! The chunks of a PNG before its pixels, as far as they tell of colours.

/// The content of the first chunk of this kind before the pixels.
///
/// Source: *PNG Specification (Third Edition)*, W3C, 5.3.
pub(crate) fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let mut rest = bytes.get(8..)?;
    loop {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (name, content) = after.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        if name == b"IDAT" {
            return None;
        }
        let content_and_sum = content.split_at_checked(length)?;
        if name == kind {
            return Some(content_and_sum.0);
        }
        rest = content_and_sum.1.get(4..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_found_before_the_pixels_only() {
        let chunk = |kind: &[u8; 4], content: &[u8]| {
            let length = (content.len() as u32).to_be_bytes();
            [&length[..], kind, content, &[0; 4]].concat()
        };
        let file = [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            chunk(b"IHDR", &[1; 13]),
            chunk(b"cICP", &[12, 13, 0, 1]),
            chunk(b"IDAT", &[]),
            chunk(b"iCCP", &[7]),
        ]
        .concat();
        assert_eq!(find(&file, b"cICP"), Some(&[12, 13, 0, 1][..]));
        assert_eq!(find(&file, b"iCCP"), None);
        for end in 0..file.len() {
            assert_eq!(find(&file[..end], b"zTXt"), None);
        }
    }
}
