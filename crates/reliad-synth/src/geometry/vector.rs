//! Three-component vectors and rotations: the arithmetic that the renderer needs, in `f32`.

use std::ops::{Add, AddAssign, Div, Index, Mul, Neg, Sub};

/// A point, direction or linear-light colour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec3 {
    /// Right; red.
    pub x: f32,
    /// Up; green.
    pub y: f32,
    /// Towards the camera; blue.
    pub z: f32,
}

/// Shorthand for [`Vec3`] from its components.
pub const fn v3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

/// The smaller of two numbers; `b` where one isn't a number. A single instruction, which
/// [`f32::min`] with its other rule isn't.
#[inline]
pub fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The larger of two numbers, as [`lesser`].
#[inline]
pub fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

impl Vec3 {
    /// The origin; black.
    pub const ZERO: Vec3 = v3(0.0, 0.0, 0.0);
    /// All ones; white.
    pub const ONE: Vec3 = v3(1.0, 1.0, 1.0);
    /// The upward direction.
    pub const UP: Vec3 = v3(0.0, 1.0, 0.0);

    /// All three components equal to `value`.
    pub const fn splat(value: f32) -> Self {
        v3(value, value, value)
    }

    /// Scalar product.
    #[inline]
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// Vector product, right-handed.
    #[inline]
    pub fn cross(self, other: Self) -> Self {
        v3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    /// Euclidean length.
    #[inline]
    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction with length 1; zero stays zero.
    #[inline]
    pub fn normalized(self) -> Self {
        let length = self.length();
        if length > 0.0 { self / length } else { self }
    }

    /// Component-wise absolute value.
    #[inline]
    pub fn abs(self) -> Self {
        v3(self.x.abs(), self.y.abs(), self.z.abs())
    }

    /// Component-wise minimum.
    #[inline]
    pub fn min(self, other: Self) -> Self {
        v3(
            lesser(self.x, other.x),
            lesser(self.y, other.y),
            lesser(self.z, other.z),
        )
    }

    /// Component-wise maximum.
    #[inline]
    pub fn max(self, other: Self) -> Self {
        v3(
            greater(self.x, other.x),
            greater(self.y, other.y),
            greater(self.z, other.z),
        )
    }

    /// The largest component.
    #[inline]
    pub fn max_component(self) -> f32 {
        greater(greater(self.x, self.y), self.z)
    }

    /// `self` at `t = 0`, `other` at `t = 1`.
    #[inline]
    pub fn mix(self, other: Self, t: f32) -> Self {
        self + (other - self) * t
    }

    /// This direction mirrored at a surface with unit normal `normal`.
    #[inline]
    pub fn reflect(self, normal: Self) -> Self {
        self - normal * (2.0 * self.dot(normal))
    }

    /// Component-wise application of `f`.
    #[inline]
    pub fn map(self, f: impl Fn(f32) -> f32) -> Self {
        v3(f(self.x), f(self.y), f(self.z))
    }

    /// Two unit vectors that span the plane across this unit vector.
    #[inline]
    pub fn tangents(self) -> (Self, Self) {
        let other = if self.y.abs() < 0.9 {
            Vec3::UP
        } else {
            v3(1.0, 0.0, 0.0)
        };
        let first = other.cross(self).normalized();
        (first, self.cross(first))
    }
}

impl Add for Vec3 {
    type Output = Self;
    #[inline]
    fn add(self, o: Self) -> Self {
        v3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl AddAssign for Vec3 {
    #[inline]
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl Sub for Vec3 {
    type Output = Self;
    #[inline]
    fn sub(self, o: Self) -> Self {
        v3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        v3(-self.x, -self.y, -self.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    #[inline]
    fn mul(self, k: f32) -> Self {
        v3(self.x * k, self.y * k, self.z * k)
    }
}

impl Mul for Vec3 {
    type Output = Self;
    #[inline]
    fn mul(self, o: Self) -> Self {
        v3(self.x * o.x, self.y * o.y, self.z * o.z)
    }
}

impl Div<f32> for Vec3 {
    type Output = Self;
    #[inline]
    fn div(self, k: f32) -> Self {
        self * (1.0 / k)
    }
}

impl Index<usize> for Vec3 {
    type Output = f32;
    #[inline]
    fn index(&self, axis: usize) -> &f32 {
        match axis {
            0 => &self.x,
            1 => &self.y,
            _ => &self.z,
        }
    }
}

/// A rotation, as the images of the three axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotation {
    x: Vec3,
    y: Vec3,
    z: Vec3,
}

impl Rotation {
    /// No rotation.
    pub const IDENTITY: Rotation = Rotation {
        x: v3(1.0, 0.0, 0.0),
        y: v3(0.0, 1.0, 0.0),
        z: v3(0.0, 0.0, 1.0),
    };

    /// About the vertical axis by `angle` radians; positive turns +z towards +x.
    pub fn about_y(angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        Rotation {
            x: v3(c, 0.0, -s),
            y: Vec3::UP,
            z: v3(s, 0.0, c),
        }
    }

    /// About the axis to the right by `angle` radians; positive turns +y towards +z.
    pub fn about_x(angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        Rotation {
            x: v3(1.0, 0.0, 0.0),
            y: v3(0.0, c, s),
            z: v3(0.0, -s, c),
        }
    }

    /// About the axis to the camera by `angle` radians; positive turns +x towards +y.
    pub fn about_z(angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        Rotation {
            x: v3(c, s, 0.0),
            y: v3(-s, c, 0.0),
            z: v3(0.0, 0.0, 1.0),
        }
    }

    /// The rotation that takes +y to the unit vector `direction`.
    pub fn up_to(direction: Vec3) -> Self {
        let (x, z) = direction.tangents();
        Rotation {
            x,
            y: direction,
            z: -z,
        }
    }

    /// From local to outer coordinates.
    #[inline]
    pub fn apply(&self, v: Vec3) -> Vec3 {
        self.x * v.x + self.y * v.y + self.z * v.z
    }

    /// From outer to local coordinates.
    #[inline]
    pub fn invert(&self, v: Vec3) -> Vec3 {
        v3(self.x.dot(v), self.y.dot(v), self.z.dot(v))
    }

    /// This rotation after `first`.
    pub fn after(&self, first: &Rotation) -> Rotation {
        Rotation {
            x: self.apply(first.x),
            y: self.apply(first.y),
            z: self.apply(first.z),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_are_inverted_and_composed() {
        let turn = Rotation::about_y(0.7).after(&Rotation::about_x(-0.4));
        let v = v3(0.3, -1.2, 2.0);
        assert!((turn.invert(turn.apply(v)) - v).length() < 1e-6);
        let up = Rotation::up_to(v.normalized());
        assert!((up.apply(Vec3::UP) - v.normalized()).length() < 1e-6);
        assert!(
            (up.apply(v3(1.0, 0.0, 0.0)).cross(up.apply(Vec3::UP)) - up.apply(v3(0.0, 0.0, 1.0)))
                .length()
                < 1e-5
        );
    }
}
