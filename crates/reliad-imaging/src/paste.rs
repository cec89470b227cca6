//! The product's own pixels over the painted scene.

use image::RgbImage;

use crate::PlacedProduct;

/// The painted scene with the product pasted over it under its soft, undilated alpha.
///
/// Pixels with alpha 255 are the product's, bit for bit, and pixels with alpha 0 the scene's. In
/// between both are blended in gamma space (on the stored sRGB values, not on light), rounded to
/// the nearest value: what the reference does, and Pillow's `Image.paste` to the bit.
///
/// # Panics
/// If `painted` isn't of the product's canvas size; it is when it was painted for this product.
pub fn paste_back(painted: &RgbImage, product: &PlacedProduct) -> RgbImage {
    assert_eq!(
        painted.dimensions(),
        product.rgba().dimensions(),
        "the painted picture and the product's canvas differ in size"
    );
    let mut pasted = painted.clone();
    for (under, over) in pasted.pixels_mut().zip(product.rgba().pixels()) {
        let [red, green, blue, alpha] = over.0;
        under.0 = blend([red, green, blue], under.0, alpha);
    }
    pasted
}

/// `over` on `under` with the share alpha / 255, rounded to the nearest value.
pub(crate) fn blend(over: [u8; 3], under: [u8; 3], alpha: u8) -> [u8; 3] {
    let alpha = u32::from(alpha);
    std::array::from_fn(|channel| {
        let sum = u32::from(over[channel]) * alpha + u32::from(under[channel]) * (255 - alpha);
        ((sum + 127) / 255) as u8
    })
}
