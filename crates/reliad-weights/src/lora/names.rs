//! What the tensors of files of adapters are called: the layer that one is for, its component, and its part of the adapter.

/// Endings of names, and the part of an adapter that a tensor with it is.
const ENDINGS: [(&str, &str); 32] = [
    (".lora_A.weight", "lora_down"),
    (".lora_B.weight", "lora_up"),
    (".lora_down.weight", "lora_down"),
    (".lora_up.weight", "lora_up"),
    (".lora_mid.weight", "lora_mid"),
    (".lora.down.weight", "lora_down"),
    (".lora.up.weight", "lora_up"),
    (".lora_linear_layer.down.weight", "lora_down"),
    (".lora_linear_layer.up.weight", "lora_up"),
    (".alpha", "alpha"),
    (".dora_scale", "dora_scale"),
    (".lora_magnitude_vector.weight", "lora_magnitude_vector"),
    (".lora_magnitude_vector", "lora_magnitude_vector"),
    (".hada_w1_a", "hada_w1_a"),
    (".hada_w1_b", "hada_w1_b"),
    (".hada_w2_a", "hada_w2_a"),
    (".hada_w2_b", "hada_w2_b"),
    (".hada_t1", "hada_t1"),
    (".hada_t2", "hada_t2"),
    (".lokr_w1", "lokr_w1"),
    (".lokr_w1_a", "lokr_w1_a"),
    (".lokr_w1_b", "lokr_w1_b"),
    (".lokr_w2", "lokr_w2"),
    (".lokr_w2_a", "lokr_w2_a"),
    (".lokr_w2_b", "lokr_w2_b"),
    (".lokr_t2", "lokr_t2"),
    (".diff", "diff"),
    (".diff_b", "diff_b"),
    (".w_norm", "w_norm"),
    (".b_norm", "b_norm"),
    (".on_input", "on_input"),
    (IA3, "weight"),
];
/// The ending of IA3's factors, which other tensors have too; these have `on_input` beside them.
const IA3: &str = ".weight";

/// What diffusers calls the component whose layers have LDM's names, too.
pub(super) const UNET: &str = "unet";

/// Beginnings of names that say the component, and go.
const PREFIXES: [(&str, &str); 9] = [
    ("unet.", "unet"),
    ("lora_unet_", "unet"),
    ("lycoris_", "unet"),
    ("model.diffusion_model.", "unet"),
    ("diffusion_model.", "unet"),
    ("text_encoder.", "text_encoder"),
    ("lora_te_", "text_encoder"),
    ("lora_te1_", "text_encoder"),
    ("cond_stage_model.transformer.", "text_encoder"),
];
/// Beginnings of CLIP's own names.
const TEXT: [&str; 4] = [
    "text_model.",
    "text_model_",
    "encoder.layers.",
    "embeddings.token_embedding",
];
/// What PEFT wraps a network in.
pub(super) const PEFT: &str = "base_model.model.";

/// A layer's name as the file has it, and the part that the tensor `name` is; `has` tells whether the file has a tensor.
pub(super) fn part_of(name: &str, has: impl Fn(&str) -> bool) -> Option<(String, &'static str)> {
    // PEFT's name of an adapter among several, which its own saving leaves out.
    let plain = name.replace(".default.", ".");
    let plain = plain.strip_suffix(".default").unwrap_or(&plain);
    for (ending, part) in ENDINGS {
        if let Some(layer) = plain.strip_suffix(ending)
            && (ending != IA3 || has(&format!("{layer}.on_input")))
        {
            return Some((layer.to_owned(), part));
        }
    }
    // Attention's of before PEFT: `attn1.processor.to_q_lora.down.weight`.
    let (block, rest) = plain.split_once(".processor.")?;
    let (layer, rest) = rest.split_once("_lora.")?;
    let layer = if layer == "to_out" { "to_out.0" } else { layer };
    let part = match rest {
        "down.weight" => "lora_down",
        "up.weight" => "lora_up",
        _ => return None,
    };
    Some((format!("{block}.{layer}"), part))
}

/// The component of a layer, and its name there; `folder` is the component of the folder that the file lies in.
pub(super) fn component_of<'a>(
    layer: &'a str,
    folder: Option<&'static str>,
) -> (&'static str, &'a str) {
    let layer = layer.strip_prefix(PEFT).unwrap_or(layer);
    if let Some(component) = folder {
        return (component, layer);
    }
    let found = PREFIXES
        .iter()
        .find_map(|(prefix, component)| Some((*component, layer.strip_prefix(prefix)?)));
    let is_text = TEXT.iter().any(|text| layer.starts_with(text));
    found.unwrap_or((if is_text { "text_encoder" } else { "unet" }, layer))
}
