//! How the first published files of Stable Diffusion (LDM's) call the layers of a UNet.

use std::collections::BTreeSet;

/// The names for one UNet, whose levels decide how its blocks are counted.
pub(super) struct LdmNames {
    /// Residual blocks of a level on the way down.
    layers: usize,
    /// Levels on the way up that have attention.
    attentive: BTreeSet<usize>,
}

impl LdmNames {
    /// Of a network with layers of these names (diffusers').
    pub(super) fn of<'a>(layers: impl Iterator<Item = &'a str>) -> Self {
        let mut first = BTreeSet::new();
        let mut attentive = BTreeSet::new();
        for layer in layers {
            let parts: Vec<&str> = layer.split('.').collect();
            match parts[..] {
                ["down_blocks", "0", "resnets", number, ..] => {
                    first.insert(number.to_owned());
                }
                ["up_blocks", level, "attentions", ..] => {
                    attentive.extend(level.parse::<usize>());
                }
                _ => {}
            }
        }
        Self {
            layers: first.len(),
            attentive,
        }
    }

    /// LDM's name of a layer; `None` for one that isn't a UNet's.
    pub(super) fn name(&self, layer: &str) -> Option<String> {
        let parts: Vec<&str> = layer.split('.').collect();
        let number = |text: &str| text.parse::<usize>().ok();
        let blocks = self.layers + 1;
        Some(match parts[..] {
            ["conv_in"] => "input_blocks.0.0".to_owned(),
            ["conv_norm_out"] => "out.0".to_owned(),
            ["conv_out"] => "out.2".to_owned(),
            ["time_embedding", "linear_1"] => "time_embed.0".to_owned(),
            ["time_embedding", "linear_2"] => "time_embed.2".to_owned(),
            ["down_blocks", level, kind, place, ref rest @ ..] => {
                let at = blocks * number(level)? + number(place)? + 1;
                match kind {
                    "resnets" => format!("input_blocks.{at}.0.{}", residual(rest)?),
                    "attentions" => format!("input_blocks.{at}.1.{}", rest.join(".")),
                    "downsamplers" => {
                        format!("input_blocks.{}.0.op", blocks * (number(level)? + 1))
                    }
                    _ => return None,
                }
            }
            ["mid_block", "attentions", "0", ref rest @ ..] => {
                format!("middle_block.1.{}", rest.join("."))
            }
            ["mid_block", "resnets", place, ref rest @ ..] => {
                format!("middle_block.{}.{}", 2 * number(place)?, residual(rest)?)
            }
            ["up_blocks", level, kind, place, ref rest @ ..] => {
                let level = number(level)?;
                let at = blocks * level + number(place)?;
                match kind {
                    "resnets" => format!("output_blocks.{at}.0.{}", residual(rest)?),
                    "attentions" => format!("output_blocks.{at}.1.{}", rest.join(".")),
                    "upsamplers" => {
                        // It stands after the attention, where there is one.
                        let after = 1 + usize::from(self.attentive.contains(&level));
                        let at = blocks * level + self.layers;
                        format!("output_blocks.{at}.{after}.conv")
                    }
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

/// The layers of a residual block.
fn residual(layer: &[&str]) -> Option<&'static str> {
    Some(match layer {
        ["norm1"] => "in_layers.0",
        ["conv1"] => "in_layers.2",
        ["time_emb_proj"] => "emb_layers.1",
        ["norm2"] => "out_layers.0",
        ["conv2"] => "out_layers.3",
        ["conv_shortcut"] => "skip_connection",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of Stable Diffusion 1.5, from its two published forms.
    #[test]
    fn the_layers_of_stable_diffusion() {
        let names = LdmNames::of(
            [
                "down_blocks.0.resnets.0.conv1",
                "down_blocks.0.resnets.1.conv1",
                "up_blocks.1.attentions.0.norm",
                "up_blocks.3.attentions.0.norm",
            ]
            .into_iter(),
        );
        for (layer, expected) in [
            ("conv_in", "input_blocks.0.0"),
            ("down_blocks.1.downsamplers.0.conv", "input_blocks.6.0.op"),
            (
                "down_blocks.2.resnets.1.conv1",
                "input_blocks.8.0.in_layers.2",
            ),
            (
                "down_blocks.0.attentions.1.proj_in",
                "input_blocks.2.1.proj_in",
            ),
            (
                "mid_block.resnets.1.time_emb_proj",
                "middle_block.2.emb_layers.1",
            ),
            (
                "mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
                "middle_block.1.transformer_blocks.0.attn1.to_q",
            ),
            ("up_blocks.0.upsamplers.0.conv", "output_blocks.2.1.conv"),
            ("up_blocks.1.upsamplers.0.conv", "output_blocks.5.2.conv"),
            (
                "up_blocks.3.resnets.1.conv_shortcut",
                "output_blocks.10.0.skip_connection",
            ),
            ("up_blocks.1.attentions.2.norm", "output_blocks.5.1.norm"),
            ("conv_out", "out.2"),
            ("time_embedding.linear_2", "time_embed.2"),
        ] {
            assert_eq!(names.name(layer).as_deref(), Some(expected));
        }
        assert_eq!(names.name("encoder.layers.0.mlp.fc1"), None);
    }
}
