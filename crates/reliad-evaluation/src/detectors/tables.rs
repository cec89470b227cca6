//! The rows of the paper's two tables.

use serde::Deserialize;
use serde_json::{Value, json};

use reliad_training::judge::settings::RfNetTraining;

use crate::error::{Error, Result};

/// One row of the tables.
#[derive(Debug, Clone)]
pub struct Detector {
    /// Name of its row and of its checkpoints: letters, digits and `-`.
    pub name: String,
    /// Its training.
    pub config: RfNetTraining,
}

/// A rival that begins with weights of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rival {
    network: Value,
    pretrained: Value,
}

/// RFNet's inputs, as its configuration names them.
const INPUTS: [&str; 5] = ["product", "generated", "depth", "saliency", "caption"];

/// RFNet of the configuration `rfnet`, the same without each input, the same with two classes, and `rivals`, which are
/// networks of their own names trained by the same recipe: each a network alone, or one with the `pretrained` weights that it
/// begins with in the place of `rfnet`'s.
///
/// # Errors
/// A configuration that can't be read.
pub fn tables(rfnet: &Value, rivals: Vec<(String, Value)>) -> Result<Vec<Detector>> {
    let detector = |name: &str, json: Value| -> Result<Detector> {
        Ok(Detector {
            name: name.to_owned(),
            config: serde_json::from_value(json).map_err(Error::Detector)?,
        })
    };
    let mut all = vec![detector("rfnet", rfnet.clone())?];
    for (name, rival) in rivals {
        let mut json = rfnet.clone();
        if rival
            .get("network")
            .is_some_and(|network| network.get("_class_name").is_some())
        {
            let Rival {
                network,
                pretrained,
            } = serde_json::from_value(rival).map_err(Error::Detector)?;
            json["network"] = network;
            json["pretrained"] = pretrained;
        } else {
            json["network"] = rival;
        }
        all.push(detector(&name, json)?);
    }
    for input in INPUTS {
        let mut json = rfnet.clone();
        json["network"]["inputs"][input] = json!(false);
        if input == "caption"
            && let Some(network) = json["network"].as_object_mut()
        {
            network.remove("text_encoder");
        }
        all.push(detector(&format!("without-{input}"), json)?);
    }
    let mut json = rfnet.clone();
    json["network"]["classes"] = json!(2);
    all.push(detector("two-classes", json)?);
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn a_rival_may_bring_its_weights_and_nothing_else() {
        let text = include_str!("../../../../configs/paper/rfnet.json");
        let rfnet: Value = serde_json::from_str(text).unwrap();
        let rival = json!({
            "network": { "_class_name": "ImageClassifier" }, "pretrained": { "image_encoder": "vit.pth" }
        });
        let detectors = tables(&rfnet, vec![("vit".to_owned(), rival.clone())]).unwrap();
        let named: Vec<_> = detectors[1].config.pretrained.named().collect();
        assert_eq!(named.len(), 1);
        assert_eq!(named[0].1.to_str(), Some("vit.pth"));
        assert_eq!(detectors[1].config.fit.epochs, Some(10.0));
        let mut other = rival;
        other["fit"] = json!({});
        let said = tables(&rfnet, vec![("vit".to_owned(), other)]).unwrap_err();
        assert!(matches!(said, Error::Detector(source) if source.to_string().contains("`fit`")));
    }

    #[test]
    fn the_tables_have_every_input_taken_away_once() {
        let text = include_str!("../../../../configs/mini/rfnet.json");
        let rfnet: Value = serde_json::from_str(text).unwrap();
        let detectors = tables(&rfnet, Vec::new()).unwrap();
        let names: Vec<&str> = detectors.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "rfnet",
                "without-product",
                "without-generated",
                "without-depth",
                "without-saliency",
                "without-caption",
                "two-classes"
            ]
        );
        for detector in &detectors[1..6] {
            let inputs = detector.config.network["inputs"].as_object().unwrap();
            assert!(inputs.values().eq([&json!(false)]), "{inputs:?}");
        }
        assert!(detectors[5].config.network.get("text_encoder").is_none());
        assert_eq!(detectors[6].config.network["classes"], 2);
    }
}
