//! What a look at a painter finds, and when that ends a training.

use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Settings of the guard.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardConfig {
    /// Items that are painted at each look.
    pub items: usize,
    /// Whether what is seen may end the training; else it is only told.
    pub ends: bool,
    /// Ends the training when the probability that scenes show what was asked for has fallen by so much, 0 to 1.
    pub agreement_fall: f64,
    /// The same of CLIP's agreement of pictures and prompts, as a share of the start's.
    pub clip_fall: f64,
    /// Ends it when variety across products has fallen by such a share of the start's.
    pub variety_fall: f64,
    /// Ends it when pictures are less sharp by such a share of the start's.
    pub sharpness_fall: f64,
    /// Ends it when the judge has gained so much more probability of availability than the held-out judge.
    pub judges_apart: f64,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            items: 48,
            ends: true,
            agreement_fall: 0.08,
            clip_fall: 0.06,
            variety_fall: 0.05,
            sharpness_fall: 0.25,
            judges_apart: 0.2,
        }
    }
}

impl GuardConfig {
    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<()> {
        let floors = [
            ("guard.agreement_fall", self.agreement_fall),
            ("guard.clip_fall", self.clip_fall),
            ("guard.variety_fall", self.variety_fall),
            ("guard.sharpness_fall", self.sharpness_fall),
            ("guard.judges_apart", self.judges_apart),
        ];
        for (name, floor) in floors {
            if !(floor > 0.0 && floor <= 1.0) {
                return Err(Error::Setting {
                    name,
                    reason: format!("{floor} isn't above 0 and at most 1"),
                });
            }
        }
        match self.items {
            0 | 1 => Err(Error::Setting {
                name: "guard.items",
                reason: "must be at least 2, for variety across products".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

/// What one look found, over all items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Share of pictures that the judge passes.
    pub available: f64,
    /// Mean probability of availability.
    pub available_probability: f64,
    /// The same two of the held-out judge.
    pub held_out: Option<[f64; 2]>,
    /// Mean probability that a scene shows the family and colour that were asked for.
    pub agreement: Option<f64>,
    /// Mean agreement of pictures and prompts by CLIP: the cosine times 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Mean distance of pictures of different products: outside both by the scene network, else of whole pictures by CLIP.
    pub variety: Option<f64>,
    /// Mean step of brightness from pixel to pixel outside the product, 0 to 255.
    pub sharpness: f64,
}

impl Seen {
    /// The figures under their names.
    pub fn figures(&self) -> Vec<(String, f64)> {
        let held_out = self.held_out;
        [
            ("available", Some(self.available)),
            ("p_available", Some(self.available_probability)),
            ("held_out", held_out.map(|[share, _]| share)),
            ("p_held_out", held_out.map(|[_, probability]| probability)),
            ("agreement", self.agreement),
            ("clip", self.clip),
            ("variety", self.variety),
            ("sharpness", Some(self.sharpness)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }

    /// Why this look ends a training that began with `start`, in words; `None` when all is well.
    pub fn alarm(&self, start: &Self, floors: &GuardConfig) -> Option<String> {
        let both = |now: Option<f64>, then: Option<f64>| Some((now?, then?));
        if let Some((now, then)) = both(self.agreement, start.agreement)
            && then - now > floors.agreement_fall
        {
            return Some(format!(
                "scenes no longer show what their prompts ask for (agreement {now:.2}, at the start {then:.2})"
            ));
        }
        if let Some((now, then)) = both(self.clip, start.clip)
            && now < (1.0 - floors.clip_fall) * then
        {
            return Some(format!(
                "scenes no longer show what their prompts ask for (CLIP {now:.1}, at the start {then:.1})"
            ));
        }
        if let Some((now, then)) = both(self.variety, start.variety)
            && now < (1.0 - floors.variety_fall) * then
        {
            return Some(format!(
                "the scenes of different products become alike (variety {now:.3}, at the start {then:.3})"
            ));
        }
        if self.sharpness < (1.0 - floors.sharpness_fall) * start.sharpness {
            return Some(format!(
                "pictures become flat (sharpness {:.1}, at the start {:.1})",
                self.sharpness, start.sharpness
            ));
        }
        if let Some(([_, now], [_, then])) = self.held_out.zip(start.held_out) {
            let gained = self.available_probability - start.available_probability;
            let held_out = now - then;
            if gained - held_out > floors.judges_apart {
                return Some(format!(
                    "the judges part: the one that rewards gives {gained:+.2} more than at the start, the held-out one \
                     {held_out:+.2}; the painter learns to please the judge"
                ));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen {
            available: 0.6,
            available_probability: 0.6,
            held_out: Some([0.6, 0.6]),
            agreement: Some(0.7),
            clip: Some(28.0),
            variety: Some(0.5),
            sharpness: 8.0,
        }
    }

    #[test]
    fn what_is_lost_is_named_and_what_is_gained_is_not() {
        let floors = GuardConfig::default();
        let alarm = |now: Seen| now.alarm(&seen(), &floors).unwrap_or_default();
        assert_eq!(alarm(seen()), "");
        let better = Seen {
            available: 0.95,
            available_probability: 0.9,
            held_out: Some([0.9, 0.85]),
            agreement: Some(0.75),
            clip: Some(28.5),
            variety: Some(0.6),
            sharpness: 9.0,
        };
        assert_eq!(alarm(better), "");
        let agreement = Some(0.61);
        assert!(
            alarm(Seen {
                agreement,
                ..better
            })
            .contains("prompts")
        );
        let clip = Some(26.0);
        assert!(alarm(Seen { clip, ..better }).contains("CLIP"));
        let variety = Some(0.47);
        assert!(alarm(Seen { variety, ..better }).contains("alike"));
        let sharpness = 5.9;
        assert!(
            alarm(Seen {
                sharpness,
                ..better
            })
            .contains("flat")
        );
        let held_out = Some([0.6, 0.65]);
        assert!(alarm(Seen { held_out, ..better }).contains("judges part"));
        // Who sees nothing raises no alarm.
        let blind = Seen {
            held_out: None,
            agreement: None,
            clip: None,
            variety: None,
            ..better
        };
        assert_eq!(alarm(blind), "");
    }
}
