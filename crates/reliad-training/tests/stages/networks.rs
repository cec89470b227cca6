//! The smallest networks of judges.

use serde_json::{Value, json};

/// The smallest judge with all inputs.
pub fn network() -> Value {
    json!({
        "preprocess": { "image_size": 32 }, "max_caption_tokens": 16,
        "image_encoder": { "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2 },
        "text_encoder": {
            "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 8, "max_position_embeddings": 18
        },
        "width": 8, "heads": 2, "fusion_feed_forward": 8, "classes": 5
    })
}

/// Name and network of judges that see the picture alone.
pub fn rivals() -> Vec<(String, Value)> {
    let rival = |network: Value| json!({ "_class_name": "ImageClassifier", "preprocess": { "image_size": 32 }, "network": network });
    vec![
        (
            "resnext".to_owned(),
            rival(json!({
                "architecture": "resnet", "block": "bottleneck", "layers": [1, 1, 1, 1],
                "base_width": 4, "groups": 2, "width_per_group": 32, "num_classes": 5
            })),
        ),
        (
            "hrnet".to_owned(),
            rival(json!({
                "architecture": "hrnet", "stem_width": 4, "stage1": { "blocks": 1, "channels": 2 },
                "modules": [1, 1, 1], "blocks": [1, 1, 1], "channels": [2, 2, 2, 2],
                "head_channels": [2, 2, 2, 2], "head_width": 8, "num_classes": 5
            })),
        ),
        (
            "vit".to_owned(),
            rival(json!({
                "architecture": "vision_transformer", "image_size": 32, "patch_size": 8,
                "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8, "num_classes": 5
            })),
        ),
    ]
}
