//! U2-Net, the salient object network, with the names of the public `U-2-Net` repository.
//!
//! | key there | ours |
//! |---|---|
//! | `stage1` .. `stage6`, `stage5d` .. `stage1d` | the same |
//! | `stageN.rebnconvin.{conv_s1,bn_s1}`, `rebnconvN`, `rebnconvNd` | the same |
//! | `side1` .. `side6`, `outconv` | the same |
//! | `*.num_batches_tracked` | none: a counter that changes no result |
//!
//! Architecture: Qin et al., *U2-Net: Going Deeper with Nested U-Structure* (2005.09007), table 1 and figure 5.
//!
//! **Batch statistics.** As for [`resnet`](crate::resnet): `Module::freeze` switches the norms to running statistics.

mod block;
mod config;

pub use config::{U2NetConfig, Widths};

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::{Device, Tensor};
use reliad_weights::{KeyMap, ModelDir};
use serde_json::Value;

use crate::error::Result;
use crate::maps::bilinear_to;
use block::{Rsu, RsuKind, halve};

/// The kinds of `stage1` .. `stage6`; `stage1d` .. `stage5d` have those of the first five.
const KINDS: [RsuKind; 6] = [
    RsuKind::Pooled { height: 7 },
    RsuKind::Pooled { height: 6 },
    RsuKind::Pooled { height: 5 },
    RsuKind::Pooled { height: 4 },
    RsuKind::Dilated,
    RsuKind::Dilated,
];

/// A U of U-blocks that predicts saliency at six resolutions and fuses them. Built by [`U2NetConfig::init`].
#[derive(Module, Debug)]
pub struct U2Net {
    stage1: Rsu,
    stage2: Rsu,
    stage3: Rsu,
    stage4: Rsu,
    stage5: Rsu,
    stage6: Rsu,
    stage5d: Rsu,
    stage4d: Rsu,
    stage3d: Rsu,
    stage2d: Rsu,
    stage1d: Rsu,
    side1: Conv2d,
    side2: Conv2d,
    side3: Conv2d,
    side4: Conv2d,
    side5: Conv2d,
    side6: Conv2d,
    outconv: Conv2d,
}

/// What a [`U2Net`] predicts, as logits: `sigmoid` gives saliency. Training adds up a loss on each (equation 1).
#[derive(Clone, Debug)]
pub struct U2NetLogits {
    /// The fused map, which inference uses: `[n, 1, h, w]`.
    pub fused: Tensor<4>,
    /// The maps of `side1` (finest) .. `side6`, brought to the picture's size: `[n, 1, h, w]` each.
    pub sides: [Tensor<4>; 6],
}

impl U2Net {
    fn new(config: &U2NetConfig, device: &Device) -> Self {
        let (encoder, decoder) = (&config.encoder, &config.decoder);
        let down = |stage: usize| {
            let input = match stage {
                0 => config.in_channels,
                _ => encoder[stage - 1].outer,
            };
            Rsu::new(KINDS[stage], input, encoder[stage], device)
        };
        // A decoder stage reads the one below (for the lowest: stage 6) beside the encoder's stage of its level.
        let up = |stage: usize| {
            let below = decoder.get(stage + 1).unwrap_or(&encoder[5]).outer;
            Rsu::new(
                KINDS[stage],
                below + encoder[stage].outer,
                decoder[stage],
                device,
            )
        };
        let side = |channels: usize| {
            Conv2dConfig::new([channels, 1], [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        Self {
            stage1: down(0),
            stage2: down(1),
            stage3: down(2),
            stage4: down(3),
            stage5: down(4),
            stage6: down(5),
            stage5d: up(4),
            stage4d: up(3),
            stage3d: up(2),
            stage2d: up(1),
            stage1d: up(0),
            side1: side(decoder[0].outer),
            side2: side(decoder[1].outer),
            side3: side(decoder[2].outer),
            side4: side(decoder[3].outer),
            side5: side(decoder[4].outer),
            side6: side(encoder[5].outer),
            outconv: Conv2dConfig::new([6, 1], [1, 1]).init(device),
        }
    }

    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let json: Value = reliad_weights::read_config(dir, "config.json")?;
        let network = U2NetConfig::from_json(&json)?.init(device)?;
        Ok(reliad_weights::load(network, dir, &Self::key_map())?)
    }

    /// The public repository's names to ours.
    pub fn key_map() -> KeyMap {
        KeyMap::identity().ignoring(&["num_batches_tracked"])
    }

    /// # Shapes
    /// - picture: `[n, in_channels, h, w]`, normalised as the weights expect; any size
    pub fn forward(&self, picture: Tensor<4>) -> U2NetLogits {
        let [_, _, height, width] = picture.dims();
        let hx1 = self.stage1.forward(picture);
        let hx2 = self.stage2.forward(halve(hx1.clone()));
        let hx3 = self.stage3.forward(halve(hx2.clone()));
        let hx4 = self.stage4.forward(halve(hx3.clone()));
        let hx5 = self.stage5.forward(halve(hx4.clone()));
        let hx6 = self.stage6.forward(halve(hx5.clone()));

        let join = |stage: &Rsu, below: &Tensor<4>, skip: Tensor<4>| {
            let below = bilinear_to(below.clone(), &skip);
            stage.forward(Tensor::cat(vec![below, skip], 1))
        };
        let hx5d = join(&self.stage5d, &hx6, hx5);
        let hx4d = join(&self.stage4d, &hx5d, hx4);
        let hx3d = join(&self.stage3d, &hx4d, hx3);
        let hx2d = join(&self.stage2d, &hx3d, hx2);
        let hx1d = join(&self.stage1d, &hx2d, hx1);

        let sides = [
            self.side1.forward(hx1d),
            self.side2.forward(hx2d),
            self.side3.forward(hx3d),
            self.side4.forward(hx4d),
            self.side5.forward(hx5d),
            self.side6.forward(hx6),
        ]
        .map(|side| crate::maps::bilinear(side, [height, width], false));
        U2NetLogits {
            fused: self.outconv.forward(Tensor::cat(sides.to_vec(), 1)),
            sides,
        }
    }
}
