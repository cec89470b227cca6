//! The same picture under two names, by perceptual hashes.

use std::collections::HashMap;

use image::DynamicImage;
use image_hasher::{HashAlg, Hasher, HasherConfig};

/// How a picture looks: two 64-bit hashes that small changes (scale, compression, brightness) hardly touch, and the means of
/// its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Signs of the low frequencies.
    frequencies: u64,
    /// Signs of neighbouring differences.
    gradients: u64,
    /// Luma of [`PARTS`] times [`PARTS`] parts.
    means: [u8; (PARTS * PARTS) as usize],
}

/// Parts along each side whose means are kept.
const PARTS: u32 = 8;
/// Mean difference of the parts, of 255, up to which pictures with one near hash are copies: in pictures that are symmetric or
/// plain, half of the signs of the other hash are those of noise. Ours.
const SAME_PARTS: u32 = 1;

/// Bits of each hash that may differ between two copies of one picture: at most 3, since two hashes that differ in
/// three bits share one of four 16-bit bands. Ours.
pub const LARGEST_DISTANCE: u32 = 3;

const BANDS: u32 = 4;

/// Computes [`Look`]s.
pub struct Looker {
    frequencies: Hasher<[u8; 8]>,
    gradients: Hasher<[u8; 8]>,
}

impl Default for Looker {
    fn default() -> Self {
        let config = HasherConfig::with_bytes_type::<[u8; 8]>().hash_size(8, 8);
        Self {
            frequencies: config.hash_alg(HashAlg::Median).preproc_dct().to_hasher(),
            gradients: HasherConfig::with_bytes_type::<[u8; 8]>()
                .hash_size(8, 8)
                .hash_alg(HashAlg::Gradient)
                .to_hasher(),
        }
    }
}

impl Looker {
    /// How a picture looks; transparent pixels count as the black that stands there.
    pub fn look(&self, picture: &DynamicImage) -> Look {
        let bits = |hasher: &Hasher<[u8; 8]>| {
            let bytes: [u8; 8] = hasher.hash_image(picture).into_inner();
            u64::from_le_bytes(bytes)
        };
        let parts = picture.thumbnail_exact(PARTS, PARTS).into_luma8();
        let mut means = [0; (PARTS * PARTS) as usize];
        for (mean, part) in means.iter_mut().zip(parts.pixels()) {
            *mean = part.0[0];
        }
        Look {
            frequencies: bits(&self.frequencies),
            gradients: bits(&self.gradients),
            means,
        }
    }
}

impl Look {
    fn is_near(self, other: Self, distance: u32) -> bool {
        let apart = |a: u64, b: u64| (a ^ b).count_ones();
        let near = [
            apart(self.frequencies, other.frequencies) <= distance,
            apart(self.gradients, other.gradients) <= distance,
        ];
        let differences = self.means.iter().zip(other.means);
        let difference: u32 = differences.map(|(a, b)| u32::from(a.abs_diff(b))).sum();
        near == [true; 2]
            || near.contains(&true) && difference <= SAME_PARTS * self.means.len() as u32
    }
}

/// Groups of at least two pictures that look the same, each sorted, in the order of their first members. A picture
/// that looks like two others joins them.
pub fn groups(looks: &[Look], distance: u32) -> Vec<Vec<usize>> {
    let distance = distance.min(LARGEST_DISTANCE);
    let mut sets = Sets::new(looks.len());
    // Each look once: a thousand equal ones would cost a million comparisons.
    let mut unique: HashMap<[u64; 2], usize> = HashMap::new();
    for (index, look) in looks.iter().enumerate() {
        let hashes = [look.frequencies, look.gradients];
        sets.join(*unique.entry(hashes).or_insert(index), index);
    }
    for (hash, band) in [0, 1]
        .into_iter()
        .flat_map(|hash| (0..BANDS).map(move |band| (hash, band)))
    {
        let mut buckets: HashMap<u16, Vec<usize>> = HashMap::new();
        for (hashes, &index) in &unique {
            let key = (hashes[hash] >> (16 * band)) as u16;
            buckets.entry(key).or_default().push(index);
        }
        for bucket in buckets.values() {
            for (place, &a) in bucket.iter().enumerate() {
                for &b in &bucket[place + 1..] {
                    if looks[a].is_near(looks[b], distance) {
                        sets.join(a, b);
                    }
                }
            }
        }
    }
    sets.groups()
}

/// Disjoint sets of numbers.
pub(crate) struct Sets(Vec<usize>);

impl Sets {
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The least member of a number's set.
    pub(crate) fn first(&mut self, mut number: usize) -> usize {
        while self.0[number] != number {
            self.0[number] = self.0[self.0[number]];
            number = self.0[number];
        }
        number
    }

    pub(crate) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.0[a.max(b)] = a.min(b);
    }

    /// The sets with several members.
    fn groups(mut self) -> Vec<Vec<usize>> {
        let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
        for number in 0..self.0.len() {
            let first = self.first(number);
            members.entry(first).or_default().push(number);
        }
        let mut groups: Vec<Vec<usize>> =
            members.into_values().filter(|set| set.len() > 1).collect();
        groups.sort();
        groups
    }
}

#[cfg(test)]
mod tests {
    use image::imageops::FilterType;

    use super::*;

    fn scene(seed: u32) -> DynamicImage {
        let picture = image::RgbImage::from_fn(96, 96, |x, y| {
            let wave = |k: u32| ((x * (seed % 7 + k) + y * (seed % 5 + 2 * k)) / 3 % 256) as u8;
            image::Rgb([wave(1), wave(2), (seed * 37 % 256) as u8])
        });
        DynamicImage::ImageRgb8(picture)
    }

    #[test]
    fn copies_are_found_at_another_size_and_brightness() {
        let looker = Looker::default();
        let original = scene(3);
        let smaller = original.resize_exact(64, 64, FilterType::Triangle);
        let brighter = original.brighten(6);
        let pictures = [&scene(1), &original, &scene(2), &smaller, &brighter];
        let looks: Vec<Look> = pictures
            .iter()
            .map(|picture| looker.look(picture))
            .collect();
        assert_eq!(groups(&looks, LARGEST_DISTANCE), [vec![1, 3, 4]]);
    }

    #[test]
    fn near_hashes_are_found_in_every_band_and_far_ones_are_not() {
        let look = |frequencies, gradients, mean| Look {
            frequencies,
            gradients,
            means: [mean; 64],
        };
        let base = 0x0123_4567_89ab_cdef;
        // One bit in three bands: only the fourth band agrees.
        let near = base ^ (1 | 1 << 16 | 1 << 32);
        let far = base ^ (2 | 2 << 16 | 2 << 32 | 2 << 48);
        let looks = [
            look(base, 7, 90),
            look(near, 7, 120),
            look(far, 7, 93),
            look(base, !7, 87),
        ];
        assert_eq!(groups(&looks, 3), [vec![0, 1]]);
        assert!(groups(&looks, 2).is_empty());
        // Of the same means one near hash is enough, whichever it is.
        let looks = [
            look(base, 7, 90),
            look(far, 7, 91),
            look(base, !7, 89),
            look(far, !7, 90),
        ];
        assert_eq!(groups(&looks, 2), [vec![0, 1, 2, 3]]);
        assert!(groups(&[looks[0], looks[3]], 2).is_empty());
    }
}
