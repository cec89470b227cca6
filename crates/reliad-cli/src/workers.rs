//! Work that is shared by several runs of the same command.

/// Reads a worker's part such as `2/8`, the second of eight; which of how many, from 0.
///
/// # Errors
/// Text of another form.
pub fn part(text: &str) -> Result<(usize, usize), String> {
    let numbers = text
        .split_once('/')
        .and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    match numbers {
        Some((part, parts)) if (1..=parts).contains(&part) => Ok((part - 1, parts)),
        _ => Err("it is not of the form 2/8".to_owned()),
    }
}
