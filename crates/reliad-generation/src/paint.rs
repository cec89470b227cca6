//! The seam between the loop and whoever paints: recipes and placed products in, pictures out.

use std::ops::ControlFlow;

use image::RgbImage;
use reliad_imaging::PlacedProduct;

use crate::error::Result;
use crate::identity::ModelIdentity;
use crate::recipe::Recipe;

/// One attempt to paint.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Everything that decides the picture.
    pub recipe: Recipe,
    /// The product on its canvas.
    pub product: PlacedProduct,
}

/// Somebody who paints scenes around products.
pub trait Paint {
    /// Paints one picture per drawing, in their order; the drawings share their sampling settings.
    ///
    /// `on_step(done, steps)` is called after each denoising step; when it breaks, painting stops
    /// and `None` is returned. A drawing's picture must not depend on the other drawings.
    /// The pictures are what was painted; pasting the product back is the caller's.
    ///
    /// # Errors
    /// Whatever keeps the whole batch from being painted.
    fn paint(
        &self,
        drawings: &[Drawing],
        on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Vec<RgbImage>>>;

    /// Where a text is too long for the text encoder: one line for people that says what was
    /// dropped, `None` when it fits.
    ///
    /// # Errors
    /// When the text can't be tokenised.
    fn cut(&self, text: &str) -> Result<Option<String>>;

    /// The model that paints.
    fn identity(&self) -> &ModelIdentity;

    /// The device that paints, such as `cpu` or `cuda:0`.
    fn device(&self) -> &str;
}
