//! Pictures that people labelled as a data set: what a judge learns from next.

use std::collections::BTreeSet;
use std::path::Path;

use reliad_dataset::{Label, Lines, METADATA, Record};

use super::Evaluated;
use super::items::Try;
use super::people::picture_id;
use crate::error::{Error, Result};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Samples of the data set.
    pub samples: usize,
    /// Pictures on whose label people didn't agree; none of them is in it.
    pub disputed: usize,
}

/// The label that most people gave; `None` where two have as many voices, or nobody said anything.
fn agreed(labels: &[Label]) -> Option<Label> {
    let voices = |label: &Label| labels.iter().filter(|other| *other == label).count();
    let first = labels.iter().max_by_key(|label| voices(label))?;
    let rivals = labels
        .iter()
        .any(|other| other != first && voices(other) == voices(first));
    (!rivals).then_some(*first)
}

/// Writes `metadata.jsonl`, `images/` and `products/` into `dir`: each labelled picture of a first attempt once, as it is
/// published, with the product on its canvas and the label that most people gave.
///
/// # Errors
/// A picture that can't be read any more, or a folder that can't be written.
pub(super) fn write(of: &Evaluated, dir: &Path) -> Result<Written> {
    let viewers = of.viewers();
    for part in ["images", "products"] {
        let part = dir.join(part);
        std::fs::create_dir_all(&part).map_err(Error::io(&part))?;
    }
    let index = dir.join(METADATA);
    let mut lines = Lines::create(&index)?;
    let mut told = Written {
        samples: 0,
        disputed: 0,
    };
    let mut seen = BTreeSet::new();
    for (painted, labels) in of.painted.iter().zip(&of.labels) {
        for (item, labels) in labels.iter().enumerate() {
            if labels.is_empty() {
                continue;
            }
            let (drawing, picture) = viewers.finished(&painted.hand, Try::first(item))?;
            let id = picture_id(&drawing.recipe);
            // Two names of one painter have one picture.
            if !seen.insert(id.clone()) {
                continue;
            }
            let Some(label) = agreed(labels) else {
                told.disputed += 1;
                continue;
            };
            let [image, product] = ["images", "products"].map(|part| format!("{part}/{id}.png"));
            let failed = |name: &str| {
                let path = dir.join(name);
                move |source| Error::Unwritten { path, source }
            };
            picture.save(dir.join(&image)).map_err(failed(&image))?;
            let rgba = drawing.product.rgba();
            rgba.save(dir.join(&product)).map_err(failed(&product))?;
            lines.write(&Record {
                image: image.as_str().into(),
                product: Some(product.as_str().into()),
                depth: None,
                saliency: None,
                label: Some(label),
                parameters: None,
                others: Default::default(),
                ..of.items.records()[item].clone()
            })?;
            told.samples += 1;
        }
    }
    lines.finish()?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use reliad_imaging::Class;

    use super::*;

    #[test]
    fn most_voices_decide_and_a_tie_decides_nothing() {
        let [good, floats, small] =
            [Class::Available, Class::SpaceMismatch, Class::SizeMismatch].map(Label::Class);
        assert_eq!(agreed(&[good]), Some(good));
        assert_eq!(agreed(&[floats, good, floats]), Some(floats));
        assert_eq!(agreed(&[good, floats]), None);
        assert_eq!(agreed(&[good, floats, small, small]), Some(small));
        assert_eq!(agreed(&[]), None);
    }
}
