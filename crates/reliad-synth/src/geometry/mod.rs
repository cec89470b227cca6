//! Bodies and rays: vectors, turned bodies, boxes, rings, and models made of them.

pub mod lathe;
pub mod model;
pub mod shape;
pub mod vector;

pub use lathe::{Lathe, fillets};
pub use model::{Model, Part};
pub use shape::Shape;
pub use vector::{Rotation, Vec3, v3};
