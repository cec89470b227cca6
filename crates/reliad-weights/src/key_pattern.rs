//! Rules of tensor names with numbers in them: `down_blocks.{i}.resnets.{j<2}` is `input_blocks.{3*i+j+1}.0`.

use std::fmt::Write as _;

/// Two spellings of a run of whole dot-separated segments; what is in braces is a number that both share.
///
/// In braces stands a sum of numbers and letters: `{i}`, `{3*i+j+1}`, `{3-i}`. A letter is a number from 0 up;
/// `{j<2}` bounds it. Where a number is made of several letters (`3*i+j+1`) all but one of them need a bound, so that it can
/// be taken apart again.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    foreign: Pattern,
    ours: Pattern,
    /// Of each letter, by its place in the order of first mention.
    bounds: Vec<Option<i64>>,
}

#[derive(Debug, Clone)]
struct Pattern(Vec<Segment>);

#[derive(Debug, Clone)]
struct Segment {
    before: &'static str,
    number: Option<Sum>,
    after: &'static str,
}

/// `constant + factor * letter + ...`
#[derive(Debug, Clone, Default)]
struct Sum {
    constant: i64,
    terms: Vec<(usize, i64)>,
}

impl Rule {
    /// Parses both spellings.
    ///
    /// # Panics
    /// When one isn't written as above, or a letter stands in one of them only: a table of rules is code.
    pub(crate) fn new(foreign: &'static str, ours: &'static str) -> Self {
        let mut letters = Vec::new();
        let mut bounds = Vec::new();
        let [foreign, ours] = [foreign, ours].map(|text| {
            let pattern = Pattern::parse(text, &mut letters, &mut bounds);
            (text, pattern)
        });
        for (text, pattern) in [&foreign, &ours] {
            let sums = pattern.0.iter().filter_map(|segment| {
                let number = segment.number.as_ref()?;
                Some(&number.terms)
            });
            let used: Vec<usize> = sums.flatten().map(|&(letter, _)| letter).collect();
            assert!(
                (0..letters.len()).all(|letter| used.contains(&letter)),
                "{text} lacks a letter of {letters:?}"
            );
        }
        Self {
            foreign: foreign.1,
            ours: ours.1,
            bounds,
        }
    }

    /// `name` with the first run that is spelled the foreign way spelled ours.
    pub(crate) fn to_ours(&self, name: &str) -> Option<String> {
        self.respell(name, &self.foreign, &self.ours)
    }

    /// `name` with the first run that is spelled our way spelled the foreign one.
    pub(crate) fn to_foreign(&self, name: &str) -> Option<String> {
        self.respell(name, &self.ours, &self.foreign)
    }

    /// Whether `name` has a run of the foreign spelling.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.to_ours(name).is_some()
    }

    fn respell(&self, name: &str, from: &Pattern, to: &Pattern) -> Option<String> {
        let segments: Vec<&str> = name.split('.').collect();
        let runs = segments.windows(from.0.len()).enumerate();
        let (at, numbers) = runs.into_iter().find_map(|(at, run)| {
            let sums = from.read(run)?;
            let numbers = solve(&sums, &self.bounds, &mut vec![None; self.bounds.len()])?;
            Some((at, numbers))
        })?;
        let mut written: Vec<String> = segments[..at].iter().map(ToString::to_string).collect();
        written.extend(to.write(&numbers)?);
        let rest = &segments[at + from.0.len()..];
        written.extend(rest.iter().map(ToString::to_string));
        Some(written.join("."))
    }
}

impl Pattern {
    fn parse(
        text: &'static str,
        letters: &mut Vec<&'static str>,
        bounds: &mut Vec<Option<i64>>,
    ) -> Self {
        let segment = |segment: &'static str| {
            let Some((before, rest)) = segment.split_once('{') else {
                return Segment {
                    before: segment,
                    number: None,
                    after: "",
                };
            };
            let (inner, after) = rest
                .split_once('}')
                .unwrap_or_else(|| panic!("{text}: a brace isn't closed"));
            Segment {
                before,
                number: Some(Sum::parse(inner, letters, bounds)),
                after,
            }
        };
        Self(text.split('.').map(segment).collect())
    }

    /// What the numbers in `run` must be sums of; `None` when it is spelled otherwise.
    fn read<'a>(&'a self, run: &[&str]) -> Option<Vec<(&'a Sum, i64)>> {
        let mut sums = Vec::new();
        for (segment, text) in self.0.iter().zip(run) {
            let inner = text.strip_prefix(segment.before)?;
            let inner = inner.strip_suffix(segment.after)?;
            match &segment.number {
                Some(sum) if inner.bytes().all(|byte| byte.is_ascii_digit()) => {
                    sums.push((sum, inner.parse().ok()?));
                }
                None if inner.is_empty() => {}
                _ => return None,
            }
        }
        Some(sums)
    }

    /// The segments with these numbers for the letters; `None` where one would be below 0.
    fn write(&self, numbers: &[i64]) -> Option<Vec<String>> {
        let segments = self.0.iter().map(|segment| {
            let mut text = segment.before.to_owned();
            if let Some(sum) = &segment.number {
                let number = u64::try_from(sum.of(numbers)?).ok()?;
                write!(text, "{number}").ok()?;
            }
            text.push_str(segment.after);
            Some(text)
        });
        segments.collect()
    }
}

impl Sum {
    fn parse(
        text: &'static str,
        letters: &mut Vec<&'static str>,
        bounds: &mut Vec<Option<i64>>,
    ) -> Self {
        let bad = || -> ! { panic!("{{{text}}} is no sum of numbers and letters") };
        let (text_of_sum, bound) = match text.split_once('<') {
            Some((letter, bound)) => (letter, Some(bound.parse().unwrap_or_else(|_| bad()))),
            None => (text, None),
        };
        let mut sum = Self::default();
        let mut rest = text_of_sum;
        let mut sign = 1;
        loop {
            let end = rest.find(['+', '-']).unwrap_or(rest.len());
            let (factor, letter) = match rest[..end].split_once('*') {
                Some((factor, letter)) => (factor.parse().unwrap_or_else(|_| bad()), letter),
                None => match rest[..end].parse::<i64>() {
                    Ok(constant) => (constant, ""),
                    Err(_) => (1, &rest[..end]),
                },
            };
            if letter.is_empty() {
                sum.constant += sign * factor;
            } else if letter.bytes().all(|byte| byte.is_ascii_lowercase()) {
                let place = letters.iter().position(|known| *known == letter);
                let place = place.unwrap_or_else(|| {
                    letters.push(letter);
                    bounds.push(None);
                    letters.len() - 1
                });
                sum.terms.push((place, sign * factor));
            } else {
                bad();
            }
            let Some(operator) = rest[end..].chars().next() else {
                break;
            };
            sign = if operator == '-' { -1 } else { 1 };
            rest = &rest[end + 1..];
        }
        if let Some(bound) = bound {
            match (&sum.terms[..], sum.constant) {
                (&[(letter, 1)], 0) => bounds[letter] = Some(bound),
                _ => bad(),
            }
        }
        sum
    }

    fn of(&self, numbers: &[i64]) -> Option<i64> {
        let mut sum = self.constant;
        for &(letter, factor) in &self.terms {
            sum = sum.checked_add(numbers[letter].checked_mul(factor)?)?;
        }
        Some(sum)
    }
}

/// The letters' numbers for which each sum has its value; `known` are those that are settled.
fn solve(
    sums: &[(&Sum, i64)],
    bounds: &[Option<i64>],
    known: &mut [Option<i64>],
) -> Option<Vec<i64>> {
    loop {
        let mut settled = false;
        for (sum, value) in sums {
            let mut rest = value.checked_sub(sum.constant)?;
            let mut open = Vec::new();
            for &(letter, factor) in &sum.terms {
                match known[letter] {
                    Some(number) => rest = rest.checked_sub(number.checked_mul(factor)?)?,
                    None => open.push((letter, factor)),
                }
            }
            match open[..] {
                [] if rest != 0 => return None,
                [(letter, factor)] => {
                    let number = rest.checked_div(factor)?;
                    let below = bounds[letter].is_none_or(|bound| number < bound);
                    if number * factor != rest || number < 0 || !below {
                        return None;
                    }
                    known[letter] = Some(number);
                    settled = true;
                }
                _ => {}
            }
        }
        if !settled {
            break;
        }
    }
    let Some(open) = known.iter().position(Option::is_none) else {
        return known.iter().copied().collect();
    };
    // The first bounded letter that is open is tried through.
    let tried =
        (open..known.len()).find(|&letter| known[letter].is_none() && bounds[letter].is_some())?;
    (0..bounds[tried]?).find_map(|number| {
        let mut known = known.to_vec();
        known[tried] = Some(number);
        solve(sums, bounds, &mut known)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn both_ways(rule: &Rule, foreign: &str, ours: &str) {
        assert_eq!(rule.to_ours(foreign).as_deref(), Some(ours));
        assert_eq!(rule.to_foreign(ours).as_deref(), Some(foreign));
    }

    #[test]
    fn a_number_is_taken_apart_and_put_together() {
        let rule = Rule::new("input_blocks.{3*i+j+1}.0", "down_blocks.{i}.resnets.{j<2}");
        both_ways(&rule, "input_blocks.1.0.a", "down_blocks.0.resnets.0.a");
        both_ways(&rule, "input_blocks.5.0.a", "down_blocks.1.resnets.1.a");
        both_ways(&rule, "m.input_blocks.11.0", "m.down_blocks.3.resnets.1");
        // The third place of a level is where it is halved; the first of all is before it.
        for other in [
            "input_blocks.3.0.op",
            "input_blocks.0.0",
            "input_blocks.1.1",
            "input_blocks.x.0",
        ] {
            assert_eq!(rule.to_ours(other), None, "{other}");
        }
        assert_eq!(rule.to_foreign("down_blocks.0.resnets.2"), None);
    }

    #[test]
    fn numbers_may_run_backwards_and_stand_within_a_segment() {
        let backwards = Rule::new("up.{3-i}.block.{j}", "up_blocks.{i}.resnets.{j}");
        both_ways(
            &backwards,
            "up.3.block.2.conv1",
            "up_blocks.0.resnets.2.conv1",
        );
        both_ways(&backwards, "up.0.block.0", "up_blocks.3.resnets.0");
        assert_eq!(backwards.to_ours("up.4.block.0"), None);
        assert_eq!(backwards.to_foreign("up_blocks.4.resnets.0"), None);
        let within = Rule::new("layers.encoder_layer_{i}", "layer.{i}");
        both_ways(&within, "layers.encoder_layer_12.ln_1", "layer.12.ln_1");
        assert_eq!(within.to_ours("layers.encoder_layer_.ln_1"), None);
        let huge = "layers.encoder_layer_99999999999999999999.ln_1";
        assert_eq!(within.to_ours(huge), None);
    }

    #[test]
    #[should_panic(expected = "lacks a letter")]
    fn a_letter_of_one_side_only_is_refused() {
        Rule::new("a.{i}", "b");
    }
}
