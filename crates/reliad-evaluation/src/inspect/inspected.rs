//! What is kept of an inspected picture.

use reliad_generation::manifest::VerdictRecord;
use serde::{Deserialize, Serialize};

use super::finding::Finding;

/// Everything that was seen of a picture; a line of `results.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Line", into = "Line")]
pub struct Inspected {
    /// What it was made from; a picture whose key is known is not looked at again.
    pub key: String,
    /// Path of the picture.
    pub picture: String,
    /// Path of its cut-out.
    pub product: String,
    /// Its title.
    pub title: String,
    /// Why it can't be published; empty where it can.
    pub findings: Vec<Finding>,
    /// What the judge says.
    pub verdict: VerdictRecord,
    /// What the plain checks measured.
    pub checks: Checks,
}

impl Inspected {
    /// Whether the judge calls it available and no check found anything.
    pub fn publishable(&self) -> bool {
        self.findings.is_empty()
    }

    /// A sentence a finding, for people.
    pub fn reasons(&self) -> Vec<String> {
        self.findings.iter().map(Finding::to_string).collect()
    }
}

/// An inspected picture as the file has it: findings for programs, sentences for people. A line of a version that knew the
/// sentences alone is none, so its picture is looked at again.
#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    picture: String,
    product: String,
    title: String,
    publishable: bool,
    reasons: Vec<String>,
    findings: Vec<Finding>,
    verdict: VerdictRecord,
    checks: Checks,
}

impl From<Inspected> for Line {
    fn from(result: Inspected) -> Self {
        Self {
            publishable: result.publishable(),
            reasons: result.reasons(),
            key: result.key,
            picture: result.picture,
            product: result.product,
            title: result.title,
            findings: result.findings,
            verdict: result.verdict,
            checks: result.checks,
        }
    }
}

impl From<Line> for Inspected {
    fn from(line: Line) -> Self {
        Self {
            key: line.key,
            picture: line.picture,
            product: line.product,
            title: line.title,
            findings: line.findings,
            verdict: line.verdict,
            checks: line.checks,
        }
    }
}

/// The plain checks' numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Checks {
    /// Where the product was found: left, top, width, height in pixels.
    pub product_box: [u32; 4],
    /// Mean colour distance of the product's solid pixels (CIE76).
    pub altered: f32,
    /// Share of them more than 10 away.
    pub altered_share: f32,
    /// Area that stands out joined to the product, as a share of its own; absent without a saliency network.
    pub grown: Option<f32>,
    /// Longest run along the picture's edge, as a share of the product's side.
    pub cut_off: f32,
}

/// A picture that couldn't be inspected.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Its path; empty where the reason tells it.
    pub picture: String,
    /// Why.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use reliad_imaging::Class;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_line_has_findings_for_programs_and_sentences_for_people() {
        let result = Inspected {
            key: "k".to_owned(),
            picture: "a.png".to_owned(),
            product: "b.png".to_owned(),
            title: "A mug".to_owned(),
            findings: vec![
                Finding::Judged {
                    class: Class::SpaceMismatch,
                },
                Finding::CutOff { share: 0.25 },
            ],
            verdict: VerdictRecord::new(Class::SpaceMismatch, false, &[0.1, 0.9, 0.0, 0.0, 0.0]),
            checks: Checks {
                product_box: [1, 2, 3, 4],
                altered: 0.5,
                altered_share: 0.0,
                grown: None,
                cut_off: 0.25,
            },
        };
        let line = serde_json::to_string(&result).unwrap();
        let json: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["publishable"], false);
        assert_eq!(
            json["findings"],
            json!([
                { "kind": "judged", "class": "space_mismatch" },
                { "kind": "cut_off", "share": 0.25 }
            ])
        );
        assert_eq!(
            json["reasons"],
            json!([
                Class::SpaceMismatch.reason(),
                "The picture's edge cuts 25 % of the product's side."
            ])
        );
        // Read and written again it stays as it is.
        let read: Inspected = serde_json::from_str(&line).unwrap();
        assert_eq!(read.findings, result.findings);
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
        // What an older version wrote isn't taken for a result without findings.
        let mut old = json;
        old.as_object_mut().unwrap().remove("findings");
        assert!(serde_json::from_value::<Inspected>(old).is_err());
    }
}
