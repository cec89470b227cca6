//! What text encoder and UNet begin with: weights that know nothing yet, or those that stand in the model directory.

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use reliad_diffusion::scheduler::PredictionType;
use reliad_diffusion::{
    ClipTextConfig, ClipTextModel, UNet2DConditionConfig, UNet2DConditionModel,
};
use reliad_weights::ModelDir;
use serde_json::json;

use crate::error::{Error, Result};
use crate::painter::noised::schedule;
use crate::painter::unet::{PainterNetworks, PainterRecipe};
use crate::stage::Stage;

/// Networks that know nothing yet.
pub(super) fn fresh(
    text: &ClipTextConfig,
    unet: &UNet2DConditionConfig,
    recipe: &PainterRecipe,
    device: &Device,
) -> PainterNetworks {
    let mut networks = PainterNetworks {
        text_encoder: text.init(device),
        unet: unet.init(device),
    };
    start_distinct(&mut networks.text_encoder, recipe);
    start_silent(&mut networks.unet);
    sharpen(&mut networks.unet, recipe.text_attention);
    networks
}

/// The networks that stand in the model directory.
pub(super) fn standing(
    stage: &Stage,
    text: &ClipTextConfig,
    unet: &UNet2DConditionConfig,
    prediction: PredictionType,
    device: &Device,
) -> Result<PainterNetworks> {
    let dir =
        |name: &'static str| ModelDir::open(stage.component(name)).map_err(Error::component(name));
    let failed = Error::component::<reliad_weights::Error>;
    let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
    let scheduler = reliad_diffusion::painter::scheduler(&model);
    let scheduler = scheduler.map_err(Error::component("scheduler"))?;
    let standing = schedule(&scheduler)?.config().prediction_type;
    if standing != prediction {
        return Err(Error::Setting {
            name: "recipe.prediction",
            reason: format!(
                "{} can't begin with weights that predict {}; train afresh, or set it to that",
                json!(prediction),
                json!(standing)
            ),
        });
    }
    Ok(PainterNetworks {
        text_encoder: reliad_weights::load(
            text.init(device),
            &dir("text_encoder")?,
            &ClipTextModel::key_map(),
        )
        .map_err(failed("text_encoder"))?,
        unet: reliad_weights::load(
            unet.init(device),
            &dir("unet")?,
            &UNet2DConditionModel::key_map(),
        )
        .map_err(failed("unet"))?,
    })
}

/// Embeddings spread as the recipe says instead of by the 0.02 of [`ClipTextConfig::init`]. Meant to let words reach
/// the UNet sooner in a short training; not measured by itself.
fn start_distinct(text: &mut ClipTextModel, recipe: &PainterRecipe) {
    for (embedding, spread) in [
        (&mut text.embeddings.token_embedding, recipe.token_spread),
        (
            &mut text.embeddings.position_embedding,
            recipe.position_spread,
        ),
    ] {
        let wide = (embedding.weight.val() * (spread / 0.02)).detach();
        embedding.weight = Param::from_tensor(wide.require_grad());
    }
}

/// Multiplies the queries' and keys' weights of every attention to the text.
fn sharpen(unet: &mut UNet2DConditionModel, factor: f64) {
    let down = unet
        .down_blocks
        .iter_mut()
        .map(|block| &mut block.attentions);
    let up = unet.up_blocks.iter_mut().map(|block| &mut block.attentions);
    let transformers = down
        .chain(std::iter::once(&mut unet.mid_block.attentions))
        .chain(up)
        .flatten();
    for block in transformers.flat_map(|transformer| &mut transformer.transformer_blocks) {
        for linear in [&mut block.attn2.to_q, &mut block.attn2.to_k] {
            let weight = (linear.weight.val() * factor).detach();
            linear.weight = Param::from_tensor(weight.require_grad());
        }
    }
}

/// A first output of zero: the loss starts at the target's own variance.
fn start_silent(unet: &mut UNet2DConditionModel) {
    let zero = |tensor: Tensor<4>| tensor.zeros_like().require_grad();
    unet.conv_out.weight = Param::from_tensor(zero(unet.conv_out.weight.val()));
    if let Some(bias) = &unet.conv_out.bias {
        unet.conv_out.bias = Some(Param::from_tensor(bias.val().zeros_like().require_grad()));
    }
}
