//! The evidence as Markdown.

use reliad_evaluation::availability::{Figures, OfPainter};
use reliad_evaluation::measure::figure::Figure;

use super::{Outcome, Plan, Shown};

/// The parts as tables, with `command` that made them.
pub fn markdown(plan: &Plan, shown: &[Shown<'_>], command: &str) -> String {
    let mut text = format!(
        "# Results\n\nMade by `{command}`. Products are rendered and synthetic; no person judged. Those reported on are neither \
         tuned nor chosen on: {count} of the pool `reporting`. Intervals hold the value in 95 of 100 cases (bootstrap over \
         products). With several seeds, each tuning is a row.\n",
        count = plan.count,
    );
    if !plan.families.is_empty() {
        text += &format!(
            "\nUnless all scenes are said, prompts ask for {}: chosen on the pool `choosing`, as the untuned painter fails there \
             often enough to learn from.\n",
            plan.families.join(", ")
        );
    }
    for part in shown {
        text += &format!("\n## {}\n\n", part.part.title);
        if !part.part.text.is_empty() {
            text += &format!("{}\n\n", part.part.text);
        }
        if let Some(count) = part.part.count {
            text += &format!("{count} products.\n\n");
        }
        match &part.figures {
            Some(figures) => text += &table(figures, part),
            None => text += &alarms(part),
        }
        if part.part.looks {
            part.tunings
                .iter()
                .for_each(|tuning| text += &looks(tuning));
        }
    }
    text
}

fn cell(figure: Option<Figure>) -> String {
    figure.map_or("-".to_owned(), |figure| {
        format!(
            "{:.3} ({:.3} to {:.3})",
            figure.value, figure.low, figure.high
        )
    })
}

fn table(figures: &Figures, part: &Shown<'_>) -> String {
    let mut text = String::from(
        "| | available | by the held-out judge | diversity | variety | prompt agreement | kept step |\n|---|---|---|---|---|---|---|\n",
    );
    for (name, of) in &figures.controlnets.0 {
        let OfPainter {
            availability,
            availability_held_out,
            diversity,
            variety,
            prompt_agreement,
            ..
        } = of;
        let tuning = part.tunings.iter().find(|tuning| {
            *name == tuning.run || *name == format!("{}-{}", tuning.run, tuning.seed)
        });
        let step = tuning.map_or("-".to_owned(), |tuning| match &tuning.alarm {
            Some(_) => format!("{}, ended by the guard", tuning.step),
            None => tuning.step.to_string(),
        });
        text += &format!(
            "| {name} | {} | {} | {} | {} | {} | {step} |\n",
            cell(*availability),
            cell(*availability_held_out),
            cell(*diversity),
            cell(*variety),
            cell(*prompt_agreement),
        );
    }
    let first = figures.controlnets.0.first().map_or("", |(name, _)| name);
    text += &format!(
        "\n| more than {first} | available | by the held-out judge | diversity | variety | prompt agreement |\n|---|---|---|---|---|---|\n"
    );
    for (name, of) in &figures.differences.0 {
        text += &format!(
            "| {name} | {} | {} | {} | {} | {} |\n",
            cell(of.availability),
            cell(of.availability_held_out),
            cell(of.diversity),
            cell(of.variety),
            cell(of.prompt_agreement),
        );
    }
    text += &shares(figures);
    if part.part.attempts > 1 {
        text += "\n| within attempts |";
        for attempt in 1..=part.part.attempts {
            text += &format!(" {attempt} |");
        }
        text += &format!("\n|---|{}\n", "---|".repeat(part.part.attempts as usize));
        for (name, of) in &figures.controlnets.0 {
            text += &format!("| {name} |");
            for figure in &of.available_within {
                text += &format!(" {:.3} |", figure.value);
            }
            text += "\n";
        }
    }
    text
}

/// What each painter leaves of the first one's failures, and what it keeps of the rest, as shares.
fn shares(figures: &Figures) -> String {
    let Some(((first, before), others)) = figures.controlnets.0.split_first() else {
        return String::new();
    };
    let mut text = format!(
        "\n| of {first} | failures removed | by the held-out judge | diversity kept | variety kept | prompt agreement kept |\n\
         |---|---|---|---|---|---|\n"
    );
    let percent = |share: Option<f64>| {
        share.map_or("-".to_owned(), |share| format!("{:.0} %", 100.0 * share))
    };
    let both = |now: Option<Figure>, then: Option<Figure>| Some((now?.value, then?.value));
    let removed = |now, then| {
        let (now, then) = both(now, then)?;
        (then < 1.0).then(|| (now - then) / (1.0 - then))
    };
    let kept = |now, then| {
        let (now, then) = both(now, then)?;
        (then > 0.0).then(|| now / then)
    };
    for (name, of) in others {
        text += &format!(
            "| {name} | {} | {} | {} | {} | {} |\n",
            percent(removed(of.availability, before.availability)),
            percent(removed(
                of.availability_held_out,
                before.availability_held_out
            )),
            percent(kept(of.diversity, before.diversity)),
            percent(kept(of.variety, before.variety)),
            percent(kept(of.prompt_agreement, before.prompt_agreement)),
        );
    }
    text
}

/// What the guard saw while a tuning went on.
fn looks(tuning: &Outcome) -> String {
    let Some(first) = tuning.looks.first() else {
        return String::new();
    };
    let mut text = format!("\n| {}, step |", tuning.run);
    for (name, _) in &first.figures {
        text += &format!(" {name} |");
    }
    text += &format!("\n|---|{}\n", "---|".repeat(first.figures.len()));
    for look in &tuning.looks {
        text += &format!("| {} |", look.step);
        for (name, _) in &first.figures {
            let found = look.figures.iter().find(|(known, _)| known == name);
            text += &found.map_or(" - |".to_owned(), |(_, value)| format!(" {value:.3} |"));
        }
        text += "\n";
    }
    text
}

fn alarms(part: &Shown<'_>) -> String {
    let mut text =
        String::from("| tuning | runs | ended by the guard | reasons |\n|---|---|---|---|\n");
    for run in &part.part.runs {
        let own: Vec<_> = part
            .tunings
            .iter()
            .filter(|tuning| tuning.run == *run)
            .collect();
        let ended: Vec<&str> = own
            .iter()
            .filter_map(|tuning| tuning.alarm.as_deref())
            .collect();
        let mut reasons: Vec<&str> = ended
            .iter()
            .filter_map(|alarm| alarm.split(" (").next())
            .collect();
        reasons.sort_unstable();
        reasons.dedup();
        text += &format!(
            "| {run} | {} | {} | {} |\n",
            own.len(),
            ended.len(),
            reasons.join("; ")
        );
    }
    text
}
