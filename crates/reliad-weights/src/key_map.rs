//! The table that maps foreign tensor names to ours, and back.

use crate::key_pattern::Rule;

/// Names of a foreign checkpoint <-> names of our module.
///
/// Every pattern is a run of whole dot-separated segments (`"ff.net.0.proj"` matches inside
/// `"blocks.1.ff.net.0.proj.weight"`, never inside `"ff.net.0.projection"`), so the table can be read backwards when
/// saving. Braces hold numbers that both spellings share: `("input_blocks.{3*i+j+1}.0", "down_blocks.{i}.resnets.{j<2}")`;
/// a letter is a number from 0 up, below its bound where it has one. Where a number is made of several letters, all but one
/// need a bound.
#[derive(Debug, Clone, Default)]
pub struct KeyMap {
    renamed: Vec<Rule>,
    aliases: Vec<Rule>,
    prefixes: Vec<&'static str>,
    ignored: Vec<Rule>,
}

impl KeyMap {
    /// No renaming.
    pub fn identity() -> Self {
        Self::default()
    }

    /// Renames `(foreign, ours)` when loading, in the order of the table, and the other way when saving, from its end: of
    /// two rules for one of our names the later one is written.
    ///
    /// # Panics
    /// When a pattern isn't written as [`KeyMap`] says; so do the others.
    pub fn new(renamed: &[(&'static str, &'static str)]) -> Self {
        Self {
            renamed: rules(renamed),
            ..Self::default()
        }
    }

    /// Older foreign spellings `(alias, foreign)`, understood when loading and never written.
    pub fn aliases(mut self, aliases: &[(&'static str, &'static str)]) -> Self {
        self.aliases.extend(rules(aliases));
        self
    }

    /// Leading segments (`"roberta"`) that a file may carry before every name; removed when loading.
    pub fn optional_prefixes(mut self, prefixes: &[&'static str]) -> Self {
        self.prefixes.extend_from_slice(prefixes);
        self
    }

    /// Foreign tensors that hold nothing the module needs (`"num_batches_tracked"`, `"lm_head"`).
    pub fn ignoring(mut self, ignored: &[&'static str]) -> Self {
        let rules = ignored.iter().map(|pattern| Rule::new(pattern, pattern));
        self.ignored.extend(rules);
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
        if self.ignored.iter().any(|rule| rule.matches(&name)) {
            return None;
        }
        let rules = self.aliases.iter().chain(&self.renamed);
        Some(rules.fold(name, |name, rule| rule.to_ours(&name).unwrap_or(name)))
    }

    /// The foreign name of one of our parameters.
    pub fn to_foreign(&self, ours: &str) -> String {
        let rules = self.renamed.iter().rev();
        rules.fold(ours.to_owned(), |name, rule| {
            rule.to_foreign(&name).unwrap_or(name)
        })
    }
}

fn rules(table: &[(&'static str, &'static str)]) -> Vec<Rule> {
    let rules = table.iter().map(|(from, to)| Rule::new(from, to));
    rules.collect()
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

    /// How the first published files of Stable Diffusion call a UNet's parts.
    #[test]
    fn rules_with_numbers_describe_a_checkpoint_in_one_file() {
        let keys = KeyMap::new(&[
            ("input_blocks.0.0", "conv_in"),
            (
                "input_blocks.{3*i+3}.0.op",
                "down_blocks.{i}.downsamplers.0.conv",
            ),
            (
                "input_blocks.{3*i+j+1}.0.in_layers.2",
                "down_blocks.{i}.resnets.{j<2}.conv1",
            ),
            (
                "input_blocks.{3*i+j+1}.0.skip_connection",
                "down_blocks.{i}.resnets.{j<2}.conv_shortcut",
            ),
            (
                "input_blocks.{3*i+j+1}.1",
                "down_blocks.{i}.attentions.{j<2}",
            ),
            (
                "middle_block.{2*i}.in_layers.2",
                "mid_block.resnets.{i}.conv1",
            ),
            ("middle_block.1", "mid_block.attentions.0"),
            (
                "output_blocks.{3*i+2}.2.conv",
                "up_blocks.{i}.upsamplers.0.conv",
            ),
            // The deepest level has no attention, so its upsampler stands where others have that.
            ("output_blocks.2.1.conv", "up_blocks.0.upsamplers.0.conv"),
            (
                "output_blocks.{3*i+j}.0.in_layers.2",
                "up_blocks.{i}.resnets.{j<3}.conv1",
            ),
            ("output_blocks.{3*i+j}.1", "up_blocks.{i}.attentions.{j<3}"),
        ]);
        for (foreign, ours) in [
            ("input_blocks.0.0.weight", "conv_in.weight"),
            (
                "input_blocks.6.0.op.bias",
                "down_blocks.1.downsamplers.0.conv.bias",
            ),
            (
                "input_blocks.8.0.in_layers.2.weight",
                "down_blocks.2.resnets.1.conv1.weight",
            ),
            (
                "input_blocks.4.0.skip_connection.weight",
                "down_blocks.1.resnets.0.conv_shortcut.weight",
            ),
            (
                "input_blocks.2.1.transformer_blocks.0.norm1.weight",
                "down_blocks.0.attentions.1.transformer_blocks.0.norm1.weight",
            ),
            (
                "middle_block.2.in_layers.2.weight",
                "mid_block.resnets.1.conv1.weight",
            ),
            (
                "middle_block.1.proj_in.weight",
                "mid_block.attentions.0.proj_in.weight",
            ),
            (
                "output_blocks.2.1.conv.weight",
                "up_blocks.0.upsamplers.0.conv.weight",
            ),
            (
                "output_blocks.8.2.conv.weight",
                "up_blocks.2.upsamplers.0.conv.weight",
            ),
            (
                "output_blocks.10.0.in_layers.2.weight",
                "up_blocks.3.resnets.1.conv1.weight",
            ),
            (
                "output_blocks.5.1.norm.bias",
                "up_blocks.1.attentions.2.norm.bias",
            ),
        ] {
            assert_eq!(keys.to_ours(foreign).as_deref(), Some(ours));
            assert_eq!(keys.to_foreign(ours), foreign);
        }
    }
}
