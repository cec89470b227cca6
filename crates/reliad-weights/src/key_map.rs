//! The table that maps foreign tensor names to ours, and back.

/// Names of a foreign checkpoint <-> names of our module.
///
/// Every pattern is a run of whole dot-separated segments (`"ff.net.0.proj"` matches inside
/// `"blocks.1.ff.net.0.proj.weight"`, never inside `"ff.net.0.projection"`), so the table can be read backwards when
/// saving.
#[derive(Debug, Clone, Default)]
pub struct KeyMap {
    renamed: Vec<(&'static str, &'static str)>,
    aliases: Vec<(&'static str, &'static str)>,
    prefixes: Vec<&'static str>,
    ignored: Vec<&'static str>,
}

impl KeyMap {
    /// No renaming.
    pub fn identity() -> Self {
        Self::default()
    }

    /// Renames `(foreign, ours)` when loading and the other way when saving, in the order of the table.
    pub fn new(renamed: &[(&'static str, &'static str)]) -> Self {
        Self {
            renamed: renamed.to_vec(),
            ..Self::default()
        }
    }

    /// Older foreign spellings `(alias, foreign)`, understood when loading and never written.
    pub fn aliases(mut self, aliases: &[(&'static str, &'static str)]) -> Self {
        self.aliases.extend_from_slice(aliases);
        self
    }

    /// Leading segments (`"roberta"`) that a file may carry before every name; removed when loading.
    pub fn optional_prefixes(mut self, prefixes: &[&'static str]) -> Self {
        self.prefixes.extend_from_slice(prefixes);
        self
    }

    /// Foreign tensors that hold nothing the module needs (`"num_batches_tracked"`, `"lm_head"`).
    pub fn ignoring(mut self, ignored: &[&'static str]) -> Self {
        self.ignored.extend_from_slice(ignored);
        self
    }

    /// Our name of a foreign tensor; `None` when it is ignored.
    pub fn to_ours(&self, foreign: &str) -> Option<String> {
        let mut name = foreign.to_owned();
        for prefix in &self.prefixes {
            if let Some(rest) = name
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix('.'))
            {
                name = rest.to_owned();
            }
        }
        if self
            .ignored
            .iter()
            .any(|segments| find(&name, segments).is_some())
        {
            return None;
        }
        for (from, to) in self.aliases.iter().chain(&self.renamed) {
            name = replace(&name, from, to);
        }
        Some(name)
    }

    /// The foreign name of one of our parameters.
    pub fn to_foreign(&self, ours: &str) -> String {
        self.renamed
            .iter()
            .rev()
            .fold(ours.to_owned(), |name, (foreign, our)| {
                replace(&name, our, foreign)
            })
    }
}

/// Byte offset of `segments` in `name` at dot boundaries.
fn find(name: &str, segments: &str) -> Option<usize> {
    name.match_indices(segments).map(|(at, _)| at).find(|&at| {
        let end = at + segments.len();
        (at == 0 || name.as_bytes()[at - 1] == b'.')
            && (end == name.len() || name.as_bytes()[end] == b'.')
    })
}

fn replace(name: &str, from: &str, to: &str) -> String {
    match find(name, from) {
        Some(at) => format!("{}{to}{}", &name[..at], &name[at + from.len()..]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_segments_only_and_back_again() {
        let keys = KeyMap::new(&[("ff.net.0.proj", "ff.proj_in")]).aliases(&[("query", "to_q")]);
        let ours = keys.to_ours("b.1.ff.net.0.proj.weight");
        assert_eq!(ours.as_deref(), Some("b.1.ff.proj_in.weight"));
        assert_eq!(
            keys.to_foreign("b.1.ff.proj_in.weight"),
            "b.1.ff.net.0.proj.weight"
        );
        assert_eq!(
            keys.to_ours("ff.net.0.projection.weight").as_deref(),
            Some("ff.net.0.projection.weight")
        );
        assert_eq!(
            keys.to_ours("attn.query.bias").as_deref(),
            Some("attn.to_q.bias")
        );
    }

    #[test]
    fn prefixes_and_ignored_tensors() {
        let keys = KeyMap::identity()
            .optional_prefixes(&["roberta"])
            .ignoring(&["lm_head", "num_batches_tracked"]);
        assert_eq!(keys.to_ours("roberta.a.b").as_deref(), Some("a.b"));
        assert_eq!(keys.to_ours("a.b").as_deref(), Some("a.b"));
        assert_eq!(keys.to_ours("lm_head.bias"), None);
        assert_eq!(keys.to_ours("layer1.bn1.num_batches_tracked"), None);
    }
}
