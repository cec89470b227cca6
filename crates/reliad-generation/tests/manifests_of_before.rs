//! Manifests of earlier versions are understood, and their recipes keep their names: pictures are found again and replayed.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::path::Path;

use reliad_diffusion::scheduler::Sampler;
use reliad_generation::manifest;

/// Written when a recipe's settings stood in three declarations and there was DDIM alone.
#[test]
fn recipes_of_before_samplers_keep_their_names() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifest-0.1.0.jsonl");
    let records = manifest::read(&file).unwrap();
    assert_eq!(records.len(), 4);
    for record in &records {
        assert_eq!(record.recipe.name(), record.name);
        assert_eq!(record.recipe.sampling.sampler, Sampler::Model);
        assert_eq!(record.recipe.sampling.eta, 1.0);
    }
    assert_eq!(
        records[0].recipe.prompt,
        "on a light oak table, a sage green wall"
    );
    // Those of the second run perturb attention; the first don't, and say nothing of its parts.
    let scales = records
        .iter()
        .map(|record| record.recipe.sampling.perturbed_attention);
    assert_eq!(scales.collect::<Vec<_>>(), [0.0, 0.0, 2.0, 2.0]);
}
