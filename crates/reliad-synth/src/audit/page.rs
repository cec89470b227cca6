//! The audit as one HTML page that opens without a server.

use std::fmt::Write;

use super::statistics::Group;
use super::{Audit, Probe, Violation};

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#222}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}table{border-collapse:collapse}\
td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}.bad{color:#a32}.good{color:#276}\
.row{display:flex;flex-wrap:wrap;gap:.8rem}figure{margin:0}figcaption{font-size:12px;color:#555}\
h3{font:600 14px ui-monospace,monospace;margin:1.2rem 0 .3rem}svg text{font:10px system-ui,sans-serif;fill:#444}";

/// The page.
pub fn html(audit: &Audit) -> String {
    let mut page = String::new();
    // Writing to a string can't fail.
    let _ = write_page(&mut page, audit);
    page
}

fn write_page(page: &mut String, audit: &Audit) -> std::fmt::Result {
    write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><title>Audit of the rendered world</title>\
         <style>{STYLE}</style><h1>Audit of the rendered world</h1><p>{} samples at {} px",
        audit.count, audit.size
    )?;
    if let Some(rate) = audit.samples_a_second {
        write!(
            page,
            ", {rate:.1} a second on {} threads, audit included",
            audit.threads
        )?;
    }
    page.push_str(".</p>");
    list(
        page,
        "Labels follow from the parameters",
        &audit.label_violations,
    )?;
    list(page, "Maps agree with the geometry", &audit.map_violations)?;
    page.push_str("<h2>What tells the label without the picture</h2>");
    probes(page, &audit.probes)?;
    page.push_str("<h2>Parameters that never vary</h2>");
    if audit.constant.is_empty() {
        page.push_str("<p class=good>None.</p>");
    } else {
        write!(
            page,
            "<p class=bad>{}</p>",
            escape(&audit.constant.join(", "))
        )?;
    }
    page.push_str("<h2>Every parameter, over all samples and for each label</h2>");
    for spread in &audit.parameters {
        write!(page, "<h3>{}</h3><div class=row>", escape(&spread.path))?;
        for group in &spread.groups {
            bars(page, group)?;
        }
        page.push_str("</div>");
    }
    page.push_str("</html>\n");
    Ok(())
}

fn list(page: &mut String, title: &str, violations: &[Violation]) -> std::fmt::Result {
    write!(page, "<h2>{title}</h2>")?;
    if violations.is_empty() {
        page.push_str("<p class=good>No violations.</p>");
        return Ok(());
    }
    write!(page, "<p class=bad>{} violations</p><ul>", violations.len())?;
    for one in violations.iter().take(100) {
        write!(page, "<li>sample {}: {}", one.index, escape(&one.what))?;
    }
    page.push_str("</ul>");
    Ok(())
}

fn probes(page: &mut String, probes: &[Probe]) -> std::fmt::Result {
    let height = probes.len() * 26 + 20;
    write!(
        page,
        "<svg width=640 height={height} role=img aria-label='balanced accuracy of each probe'>"
    )?;
    let x = |share: f64| 170.0 + share * 400.0;
    for (row, probe) in probes.iter().enumerate() {
        let y = row * 26 + 16;
        let color = if probe.is_at_chance() { "#276" } else { "#a32" };
        write!(
            page,
            "<text x=0 y={0}>{1}</text><line x1={2:.1} x2={3:.1} y1={y} y2={y} stroke='{color}' stroke-width=3 />\
             <circle cx={4:.1} cy={y} r=5 fill='{color}' /><text x=580 y={0}>{5:.3}</text>\
             <line x1={6:.1} x2={6:.1} y1={7} y2={8} stroke='#888' stroke-dasharray='2 2' />",
            y + 4,
            escape(probe.name),
            x(probe.interval[0]),
            x(probe.interval[1]),
            x(probe.balanced_accuracy),
            probe.balanced_accuracy,
            x(probe.chance),
            y - 12,
            y + 12,
        )?;
    }
    page.push_str(
        "</svg><p>Balanced accuracy, 0 to 1, with its 95 % interval; dashed: guessing. Green: can't be \
         told from guessing.</p>",
    );
    Ok(())
}

fn bars(page: &mut String, group: &Group) -> std::fmt::Result {
    let most = group.bars.iter().map(|b| b.1).max().unwrap_or(1).max(1);
    let width = (110.0 / group.bars.len().max(1) as f64).min(22.0);
    write!(page, "<figure><svg width=112 height=52>")?;
    for (place, (word, count)) in group.bars.iter().enumerate() {
        let height = 48.0 * *count as f64 / most as f64;
        write!(
            page,
            "<rect x={:.1} y={:.1} width={:.1} height={height:.1} fill='#47a'><title>{}: {count}</title></rect>",
            place as f64 * width,
            50.0 - height,
            (width - 0.6).max(0.5),
            escape(word),
        )?;
    }
    write!(
        page,
        "</svg><figcaption>{} ({})",
        escape(&group.name.replace('_', " ")),
        group.count
    )?;
    match group.range {
        Some([low, mean, high]) => write!(page, "<br>{low:.3} / {mean:.3} / {high:.3}")?,
        None => {
            let mut top: Vec<_> = group.bars.iter().collect();
            top.sort_by_key(|bar| std::cmp::Reverse(bar.1));
            for (word, count) in top.iter().take(3) {
                write!(page, "<br>{} {count}", escape(word))?;
            }
        }
    }
    page.push_str("</figcaption></figure>");
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
}
