//! What a judge's logits are held against: labels, their cross-entropy, and what is told of held-out samples.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use reliad_dataset::Label;
use reliad_imaging::Class;
use reliad_rfnet::calibration::Calibration;
use reliad_rfnet::classes::Classes;

use crate::judge::metrics::{JudgeMetrics, most_probable};

/// The logit that stands for a label; `None` where there is none or the head can't express it.
pub fn logit(classes: Classes, label: impl Into<Option<Label>>) -> Option<usize> {
    match label.into()?.class() {
        Some(class) => classes.index(class),
        None => (classes.count() == 2).then_some(1),
    }
}

/// Mean cross-entropy of `logits` `[n, classes]`, each sample weighted as its class is.
pub(crate) fn cross_entropy(logits: Tensor<2>, labels: &[usize], weights: &[f32]) -> Tensor<1> {
    let (count, device) = (labels.len(), logits.device());
    let weights: Vec<f32> = labels.iter().map(|&label| weights[label]).collect();
    let index: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
    let index = Tensor::<2, Int>::from_data(TensorData::new(index, [count, 1]), &device);
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [count, 1]), &device);
    let chosen = log_softmax(logits, 1).gather(1, index);
    (chosen * weights).mean().neg()
}

/// What is told of held-out samples with these logits, a row each.
pub(crate) fn held_out_figures(
    classes: Classes,
    rows: &[Vec<f32>],
    labels: &[usize],
) -> Vec<(String, f64)> {
    let available = classes.index(Class::Available).unwrap_or(0);
    let mut loss = 0.0;
    let verdicts: Vec<(usize, usize, f64)> = rows
        .iter()
        .zip(labels)
        .map(|(row, &label)| {
            let probabilities = Calibration::default().probabilities(row);
            loss -= f64::from(probabilities[label]).max(1e-12).ln();
            let verdict = most_probable(&probabilities);
            (label, verdict, f64::from(probabilities[available]))
        })
        .collect();
    let metrics = JudgeMetrics::new(classes.count(), available, &verdicts);
    vec![
        (
            "held_out_loss".to_owned(),
            loss / verdicts.len().max(1) as f64,
        ),
        ("accuracy".to_owned(), metrics.accuracy),
        ("f1".to_owned(), metrics.f1),
        ("average_precision".to_owned(), metrics.average_precision),
    ]
}
