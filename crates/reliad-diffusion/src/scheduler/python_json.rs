//! JSON as Python writes it: with infinities, which JSON doesn't have.

use serde_json::Value;

/// Parses `text`; `-Infinity` and `Infinity` become strings of that name.
///
/// # Errors
/// Where the text isn't JSON otherwise. `NaN` isn't either.
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let mut out = String::with_capacity(text.len());
    // Parts between quotes alternate between outside and inside of strings, but for quotes that are escaped.
    let mut inside = false;
    let mut rest = text;
    while let Some(end) = rest.find('"') {
        let part = &rest[..end];
        let escapes = part.bytes().rev().take_while(|byte| *byte == b'\\').count();
        push(&mut out, part, inside);
        out.push('"');
        if !inside || escapes % 2 == 0 {
            inside = !inside;
        }
        rest = &rest[end + 1..];
    }
    push(&mut out, rest, inside);
    serde_json::from_str(&out)
}

fn push(out: &mut String, part: &str, inside: bool) {
    match inside {
        true => out.push_str(part),
        false => {
            let marked = part.replace("Infinity", "\"Infinity\"");
            out.push_str(&marked.replace("-\"Infinity\"", "\"-Infinity\""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn infinities_are_read_and_strings_are_left_alone() -> Result<(), serde_json::Error> {
        let text =
            r#"{"a": -Infinity, "b": [Infinity, 1e3], "c -Infinity": "\"Infinity\\", "d": -1}"#;
        let expected = json!({
            "a": "-Infinity", "b": ["Infinity", 1e3], "c -Infinity": "\"Infinity\\", "d": -1
        });
        assert_eq!(parse(text)?, expected);
        assert!(parse(r#"{"a": NaN}"#).is_err());
        Ok(())
    }
}
