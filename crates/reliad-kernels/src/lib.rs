//! Fused CPU kernels with hand-written gradients, where measurement asked for them.
//!
//! Every operation here has a plain counterpart in Burn. On a Flex device in f32, with or without autodiff, the fused
//! kernel runs; on any other device or type the same formula runs through Burn's own tensor operations. Results of the
//! fused kernels don't depend on the number of threads: every sum has a fixed order.

pub mod activation;
pub mod adamw;
pub mod allocator;
mod arithmetic;
pub mod attention;
pub mod batch_norm;
pub mod conv2d;
pub mod dropout;
#[cfg(test)]
mod every_set;
mod flex;
pub mod geglu;
pub mod group_norm;
mod instructions;
pub mod layer_norm;
pub mod linear;
pub mod max_pool;
mod operation;
mod product;
mod register;
pub mod residual;
mod vector;

pub use arithmetic::Arithmetic;
pub use conv2d::{Conv2d, Conv2dConfig};
pub use group_norm::{GroupNorm, GroupNormConfig};
pub use layer_norm::{LayerNorm, LayerNormConfig};
pub use linear::linear;
