//! What stays fixed during a run: texts, the ControlNet's picture, noise, and what is known of the result.

use burn::tensor::Tensor;

use crate::inpaint::Inpainting;

/// What a batch of `n` items is painted from. Every tensor has `n` rows.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Text embeddings `[n, tokens, width]`.
    pub text: Tensor<3>,
    /// Embeddings of the negative prompt `[n, tokens, width]`.
    pub negative: Tensor<3>,
    /// The ControlNet's picture `[n, 3, 8h, 8w]`, in `[0, 1]`.
    pub control: Tensor<4>,
    /// The items' noise `[n, channels, h, w]`: a whole run starts from it, and known parts of a picture are noised with it.
    pub noise: Tensor<4>,
    /// Fresh noise of every step of the whole schedule, each as `noise`; may be empty where the sampler draws none.
    pub step_noise: Vec<Tensor<4>>,
    /// What is known of the picture, and where.
    pub inpainting: Option<Inpainting>,
}

impl Conditions {
    /// Puts the conditions of several items into one batch; all have the same sizes.
    pub fn stack(items: Vec<Self>) -> Self {
        fn cat<const D: usize>(
            items: &[Conditions],
            field: impl Fn(&Conditions) -> Tensor<D>,
        ) -> Tensor<D> {
            Tensor::cat(items.iter().map(field).collect(), 0)
        }
        let steps = items.first().map_or(0, |item| item.step_noise.len());
        let inpainting = items.iter().all(|item| item.inpainting.is_some());
        let part = |pick: fn(&Inpainting) -> Tensor<4>| {
            Tensor::cat(
                items
                    .iter()
                    .filter_map(|item| item.inpainting.as_ref().map(pick))
                    .collect(),
                0,
            )
        };
        Self {
            text: cat(&items, |item| item.text.clone()),
            negative: cat(&items, |item| item.negative.clone()),
            control: cat(&items, |item| item.control.clone()),
            noise: cat(&items, |item| item.noise.clone()),
            step_noise: (0..steps)
                .map(|step| cat(&items, |item| item.step_noise[step].clone()))
                .collect(),
            inpainting: inpainting.then(|| Inpainting {
                known: part(|inpainting| inpainting.known.clone()),
                paint: part(|inpainting| inpainting.paint.clone()),
            }),
        }
    }
}
