//! Whether a picture shows what its prompt asks for: scene family, main colour and light, as the scene network sees them.

use reliad_dataset::Record;
use reliad_rfnet::scene_network::{Scene, SceneNetworkConfig};

/// What a prompt asks for, as classes of the scene network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The scene family.
    pub family: usize,
    /// The main colour; `None` where the prompt leaves it open.
    pub color: Option<usize>,
    /// The side that the light comes from; `None` where the prompt leaves it open or the network doesn't tell.
    pub light: Option<usize>,
}

/// Why a record's prompt can't be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unasked {
    /// The record doesn't tell its scene.
    Untold,
    /// The network has no such family or colour.
    Unknown(String),
}

impl Asked {
    /// What the prompt of `record` asks for.
    ///
    /// # Errors
    /// [`Unasked`] where the record's parameters are missing or no classes of the network.
    pub fn of(record: &Record, network: &SceneNetworkConfig) -> Result<Self, Unasked> {
        let parameters = record.parameters.as_ref().ok_or(Unasked::Untold)?;
        let place = |names: &[String], name: &str| {
            let found = names.iter().position(|known| known == name);
            found.ok_or_else(|| Unasked::Unknown(name.to_owned()))
        };
        let family = parameters.scene_family.as_deref().ok_or(Unasked::Untold)?;
        let surface = parameters.surface.as_deref().unwrap_or_default();
        let color = parameters
            .main_color
            .as_deref()
            .filter(|color| names_color(&record.prompt, surface, color));
        Ok(Self {
            family: place(&network.families, family)?,
            color: color
                .map(|color| place(&network.colors, color))
                .transpose()?,
            light: parameters
                .light_side
                .as_deref()
                .filter(|side| !network.lights.is_empty() && names_light(&record.prompt, side))
                .map(|side| place(&network.lights, side))
                .transpose()?,
        })
    }

    /// Whether the family is that asked for.
    pub fn has_family(&self, scene: &Scene) -> bool {
        scene.family == self.family
    }

    /// Whether the colour is that asked for; `None` where none is.
    pub fn has_color(&self, scene: &Scene) -> Option<bool> {
        self.color.map(|color| scene.color == color)
    }

    /// Whether the light comes from where it is asked for; `None` where nothing is asked.
    pub fn has_light(&self, scene: &Scene) -> Option<bool> {
        self.light.map(|light| scene.light == Some(light))
    }

    /// Whether family and colour are those asked for.
    pub fn agrees(&self, scene: &Scene) -> bool {
        self.has_family(scene) && self.has_color(scene).unwrap_or(true)
    }

    /// Probability that the network gives to the family and colour that were asked for, 0 to 1.
    pub fn probability(&self, scene: &Scene) -> f32 {
        let color = self
            .color
            .map_or(1.0, |color| scene.color_probabilities[color]);
        scene.family_probabilities[self.family] * color
    }
}

/// Whether `prompt` says `color` in whole words, besides in the words of its `surface` (a white podium isn't a white
/// backdrop).
pub fn names_color(prompt: &str, surface: &str, color: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let prompt = match surface {
        "" => prompt.to_owned(),
        surface => prompt.replace(surface, " "),
    };
    let (prompt, color) = (words(&prompt), words(color));
    !color.is_empty() && prompt.windows(color.len()).any(|part| part == color)
}

/// Whether `prompt` says that light comes from `side`: "light from the left", "from above".
fn names_light(prompt: &str, side: &str) -> bool {
    let clauses = prompt.split(',').filter(|clause| clause.contains("light"));
    let said = [format!("from the {side}"), format!("from {side}")];
    let mut clauses = clauses.map(str::trim_end);
    clauses.any(|clause| said.iter().any(|said| clause.ends_with(said)))
}

/// `counts[asked][seen]` over pairs of classes.
pub fn confusion(pairs: impl Iterator<Item = (usize, usize)>, classes: usize) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; classes]; classes];
    for (asked, seen) in pairs {
        counts[asked][seen] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(prompt: &str, color: &str) -> Record {
        serde_json::from_value(json!({
            "image": "a.png", "product": "b.png", "depth": "c.png", "saliency": "d.png", "title": "A mug",
            "prompt": prompt, "label": "available", "product_id": 1,
            "parameters": {"scene_family": "podium", "main_color": color, "surface": "a round white podium"},
        }))
        .unwrap_or_else(|error| panic!("{error}"))
    }

    fn network() -> SceneNetworkConfig {
        serde_json::from_value(json!({
            "preprocess": { "image_size": 64 },
            "image_encoder": { "block": "basic", "layers": [1, 1, 1, 1], "base_width": 4 },
            "product_margin": 0.05, "families": ["garden", "podium"], "colors": ["sky blue", "white"]
        }))
        .unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_prompt_asks_for_a_colour_only_where_it_names_that_of_the_background() {
        let asked = |prompt, color| Asked::of(&record(prompt, color), &network());
        let open = "on a round white podium, a plain backdrop, warm light";
        assert_eq!(
            asked(open, "white"),
            Ok(Asked {
                family: 1,
                color: None,
                light: None,
            })
        );
        let named = "on a round white podium, a white backdrop, warm light";
        assert_eq!(
            asked(named, "white"),
            Ok(Asked {
                family: 1,
                color: Some(1),
                light: None,
            })
        );
        let blue = "a Sky blue backdrop";
        assert_eq!(
            asked(blue, "sky blue"),
            Ok(Asked {
                family: 1,
                color: Some(0),
                light: None,
            })
        );
        assert!(!names_color("a skyblue wall", "", "sky blue"));
        assert!(!names_color("an offwhite wall", "", "white"));
        assert_eq!(
            asked("a plum wall", "plum"),
            Err(Unasked::Unknown("plum".into()))
        );
        let mut untold = record(named, "white");
        untold.parameters = None;
        assert_eq!(Asked::of(&untold, &network()), Err(Unasked::Untold));
    }

    #[test]
    fn a_prompt_asks_for_light_only_where_it_says_from_where() {
        let network = SceneNetworkConfig {
            lights: vec!["above".into(), "left".into()],
            ..network()
        };
        let asked = |prompt: &str, side: &str| {
            let mut record = record(prompt, "white");
            let parameters = record.parameters.as_mut();
            parameters
                .unwrap_or_else(|| panic!("it has some"))
                .light_side = Some(side.into());
            Asked::of(&record, &network).map(|asked| asked.light)
        };
        assert_eq!(
            asked("soft light from the left, a white cup", "left"),
            Ok(Some(1))
        );
        assert_eq!(
            asked("a white cup, cool light from above", "above"),
            Ok(Some(0))
        );
        assert_eq!(asked("a white cup beside it on the left", "left"), Ok(None));
        assert_eq!(asked("warm light", "left"), Ok(None));
        let unknown = asked("light from the right", "right");
        assert_eq!(unknown, Err(Unasked::Unknown("right".into())));
    }

    #[test]
    fn agreement_is_of_everything_that_was_asked_for() {
        let scene = |family, color| Scene {
            family,
            color,
            light: Some(1),
            family_probabilities: vec![0.2, 0.8],
            color_probabilities: vec![0.9, 0.1],
        };
        let both = Asked {
            family: 1,
            color: Some(0),
            light: Some(0),
        };
        assert_eq!(both.has_light(&scene(1, 0)), Some(false));
        assert!(both.agrees(&scene(1, 0)));
        assert!(!both.agrees(&scene(1, 1)) && !both.agrees(&scene(0, 0)));
        assert!((both.probability(&scene(1, 0)) - 0.72).abs() < 1e-6);
        let open = Asked {
            family: 1,
            color: None,
            light: None,
        };
        assert_eq!(open.has_light(&scene(1, 0)), None);
        assert!(open.agrees(&scene(1, 1)) && !open.agrees(&scene(0, 1)));
        assert_eq!(open.has_color(&scene(1, 1)), None);
        assert_eq!(
            confusion([(0, 1), (0, 1), (1, 1)].into_iter(), 2),
            [vec![0, 2], vec![0, 1]]
        );
    }
}
