//! Bodies and rays: vectors, turned and lofted bodies, boxes, rings, bands, and models made of them.

pub mod band;
pub mod lathe;
pub mod loft;
pub mod model;
pub mod shape;
pub mod target;
pub mod vector;

pub use band::Band;
pub use lathe::{Lathe, fillets};
pub use loft::{Loft, Section};
pub use model::{Model, Part, Sphere};
pub use shape::{Shape, corners, slab};
pub use target::Target;
pub use vector::{Rotation, Vec3, v3};
