//! A view in fewer bytes, without loss: differences to the neighbour on the left, red and blue as differences to green,
//! then Zstandard. Photographs of 384 pixels take half of their bytes so, maps and products on one colour far less.

use std::io;

/// Zstandard's level: 3, the usual one, makes photographs no smaller and takes longer.
const LEVEL: i32 = 1;

/// The planes of a view, packed. `kinds`: how many planes each picture in it has, 3 (red, green, blue) or 1.
///
/// # Errors
/// What the compressor says.
pub(super) fn pack(mut planes: Vec<u8>, side: usize, kinds: &[usize]) -> io::Result<Vec<u8>> {
    for picture in pictures(&mut planes, side, kinds) {
        to_green(picture, u8::wrapping_sub);
    }
    for row in planes.chunks_exact_mut(side) {
        for at in (1..side).rev() {
            row[at] = row[at].wrapping_sub(row[at - 1]);
        }
    }
    zstd::bulk::compress(&planes, LEVEL)
}

/// What [`pack`] was given, into `out`.
///
/// # Errors
/// Bytes that [`pack`] didn't make, or of a view of another size.
pub(super) fn unpack(
    packed: &[u8],
    side: usize,
    kinds: &[usize],
    out: &mut [u8],
) -> io::Result<()> {
    let length = zstd::bulk::decompress_to_buffer(packed, out)?;
    if length != out.len() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a view of {length} bytes instead of {}", out.len()),
        ));
    }
    for row in out.chunks_exact_mut(side) {
        for at in 1..side {
            row[at] = row[at].wrapping_add(row[at - 1]);
        }
    }
    for picture in pictures(out, side, kinds) {
        to_green(picture, u8::wrapping_add);
    }
    Ok(())
}

/// The coloured pictures among the planes.
fn pictures<'a>(planes: &'a mut [u8], side: usize, kinds: &[usize]) -> Vec<&'a mut [u8]> {
    let mut rest = planes;
    let mut pictures = Vec::new();
    for &kind in kinds {
        let (picture, after) = rest.split_at_mut(kind * side * side);
        if kind == 3 {
            pictures.push(picture);
        }
        rest = after;
    }
    pictures
}

fn to_green(picture: &mut [u8], change: fn(u8, u8) -> u8) {
    let plane = picture.len() / 3;
    let (red, rest) = picture.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    for other in [red, blue] {
        for (other, green) in other.iter_mut().zip(green.iter()) {
            *other = change(*other, *green);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn what_is_unpacked_is_what_was_packed_and_smooth_views_take_little() {
        let side = 32;
        for kinds in [&[3, 3, 1, 1][..], &[3, 1], &[1], &[3]] {
            let count = kinds.iter().sum::<usize>() * side * side;
            let noise: Vec<u8> = (0..count)
                .map(|at| ((at as u32).wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect();
            let smooth: Vec<u8> = (0..count).map(|at| (at % side * 3) as u8).collect();
            for (planes, most) in [(noise, count + 64), (smooth, count / 8)] {
                let packed = pack(planes.clone(), side, kinds).unwrap();
                assert!(packed.len() <= most, "{} of {count}", packed.len());
                let mut out = vec![0; count];
                unpack(&packed, side, kinds, &mut out).unwrap();
                assert_eq!(out, planes);
            }
        }
    }

    #[test]
    fn damaged_bytes_and_other_sizes_are_errors() {
        let packed = pack(vec![7; 3 * 16], 4, &[3]).unwrap();
        let mut out = vec![0; 3 * 16];
        assert!(unpack(&packed[..packed.len() - 2], 4, &[3], &mut out).is_err());
        let mut larger = vec![0; 4 * 16];
        let said = unpack(&packed, 4, &[3, 1], &mut larger).unwrap_err();
        assert!(
            said.to_string().contains("48 bytes instead of 64"),
            "{said}"
        );
    }
}
