//! Labelled samples from files, split by product.
