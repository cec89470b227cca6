//! The rendered world: products, scenes, exact depth and saliency, labels by construction.
