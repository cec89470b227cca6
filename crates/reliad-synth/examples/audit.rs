//! Audits freshly drawn samples of the default world or of one class, or a rendered folder:
//! `audit COUNT SEED OUT.html [OUT.json] [SIZE] [CLASS]`, `audit FOLDER - OUT.html [OUT.json]`.

use std::path::Path;

use reliad_imaging::Class;
use reliad_synth::World;
use reliad_synth::audit::{audit_folder, audit_world, html};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |at: usize, default: &'static str| arguments.get(at).map_or(default, String::as_str);
    let audit = match text(0, "400").parse::<u64>() {
        Ok(count) => {
            let world = World {
                class: Class::from_slug(text(5, "")),
                ..World::default()
            };
            audit_world(&world, text(1, "1").parse()?, count, text(4, "96").parse()?)
        }
        Err(_) => audit_folder(Path::new(text(0, "")))?,
    };
    std::fs::write(text(2, "audit.html"), html(&audit))?;
    if let Some(path) = arguments.get(3).filter(|path| !path.is_empty()) {
        std::fs::write(path, serde_json::to_string_pretty(&audit)?)?;
    }
    let rate = audit.samples_a_second.unwrap_or(f64::NAN);
    println!(
        "{} samples at {} px, {rate:.1} a second on {} threads",
        audit.count, audit.size, audit.threads
    );
    for (what, found) in [
        ("labels", &audit.label_violations),
        ("maps", &audit.map_violations),
    ] {
        println!("violations of {what}: {}", found.len());
        for one in found.iter().take(10) {
            println!("  {}: {}", one.index, one.what);
        }
    }
    for probe in &audit.probes {
        println!(
            "{:20} {:.3} [{:.3}, {:.3}], chance {:.3}{}",
            probe.name,
            probe.balanced_accuracy,
            probe.interval[0],
            probe.interval[1],
            probe.chance,
            if probe.is_at_chance() {
                ""
            } else {
                "  <- tells"
            }
        );
    }
    println!("never vary: {}", audit.constant.join(", "));
    Ok(())
}
