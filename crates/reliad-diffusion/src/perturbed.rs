//! Perturbed-attention guidance: away from what the UNet predicts when its pixels don't look at each other (Ahn et al. 2024,
//! arXiv 2403.17377).

/// How the pixels of a UNet attend to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfAttention {
    /// As it was trained.
    Learned,
    /// Every pixel to itself alone: the attention map is replaced by the identity.
    Identity,
}

/// Parts of a UNet, a set of `down`, `mid` and `up`: where self-attention is perturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<&'static str>")]
pub struct UnetParts {
    /// The way down.
    pub down: bool,
    /// The deepest block.
    pub mid: bool,
    /// The way up.
    pub up: bool,
}

impl UnetParts {
    /// No part.
    pub const NONE: Self = Self {
        down: false,
        mid: false,
        up: false,
    };

    /// The deepest block alone, diffusers' default for perturbed-attention guidance.
    pub const MID: Self = Self {
        mid: true,
        ..Self::NONE
    };

    /// The names of the parts in the set, from the input on.
    pub fn names(self) -> Vec<&'static str> {
        [("down", self.down), ("mid", self.mid), ("up", self.up)]
            .into_iter()
            .filter_map(|(name, is_in)| is_in.then_some(name))
            .collect()
    }

    fn of<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut parts = Self::NONE;
        for name in names {
            *match name {
                "down" => &mut parts.down,
                "mid" => &mut parts.mid,
                "up" => &mut parts.up,
                other => return Err(format!("`{other}` is none of down, mid and up")),
            } = true;
        }
        Ok(parts)
    }
}

impl Default for UnetParts {
    fn default() -> Self {
        Self::MID
    }
}

/// Self-attention of a part that is in the set or isn't.
pub(crate) fn self_attention(is_in: bool) -> SelfAttention {
    if is_in {
        SelfAttention::Identity
    } else {
        SelfAttention::Learned
    }
}

impl TryFrom<Vec<String>> for UnetParts {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        Self::of(names.iter().map(String::as_str))
    }
}

impl From<UnetParts> for Vec<&'static str> {
    fn from(parts: UnetParts) -> Self {
        parts.names()
    }
}

impl std::fmt::Display for UnetParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

impl std::str::FromStr for UnetParts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::of(text.split(',').map(str::trim))
    }
}
