//! Bodies and rays: vectors, turned and lofted bodies, boxes, rings, bands, and models made of them.

pub mod band;
pub mod lathe;
pub mod loft;
pub mod model;
pub mod ray;
pub mod shape;
pub mod target;
pub mod vector;

pub use band::Band;
pub use lathe::{Lathe, fillets};
pub use loft::{Loft, Section};
pub use model::{Model, Part, Sphere};
pub use ray::{corners, slab};
pub use shape::Shape;
pub use target::Target;
pub use vector::{Rotation, Vec3, v3};
