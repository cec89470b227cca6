//! Sheets for people: pages that show one picture or pair after another, keep what is said in the browser, and save it as a
//! file. They tell neither painters nor verdicts, and open without a server.

use image::RgbImage;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use reliad_dataset::Record;
use reliad_generation::report::STYLE;
use reliad_imaging::Class;

use super::Evaluated;
use super::items::Try;
use super::people::{label_order, pair_order, picture_id};
use crate::error::Result;
use crate::page::thumbnail::source_within;

/// Longest side of a picture on a sheet.
const SIDE: u32 = 512;
const PRODUCT_SIDE: u32 = 192;

/// A sheet of pairs: the same items by two painters.
///
/// # Errors
/// A picture that can't be read any more.
pub(super) fn pairs(of: &Evaluated, painters: [usize; 2]) -> Result<String> {
    let viewers = of.viewers();
    let mut cards = Vec::new();
    for pair in pair_order(of.items.records().len(), of.figures.settings.seed) {
        let [first, second] = painters.map(|painter| {
            let hand = &of.painted[painter].hand;
            let (drawing, picture) = viewers.finished(hand, Try::first(pair.item))?;
            Ok::<_, crate::Error>((picture_id(&drawing.recipe), picture))
        });
        let (first, second) = (first?, second?);
        // Equal pictures tell nothing, and equal recipes not whose they are.
        if first.1 == second.1 {
            continue;
        }
        let sides = if pair.first_left {
            [first, second]
        } else {
            [second, first]
        };
        let key = format!("{}-{}", sides[0].0, sides[1].0);
        let pictures = html! {
            div.sides {
                (shown(&sides[0].1)?)
                (shown(&sides[1].1)?)
            }
        };
        cards.push(card(&key, &pictures, &of.items.records()[pair.item]));
    }
    let buttons = [
        ("left", "Left", "1"),
        ("equal", "No difference", "2"),
        ("right", "Right", "3"),
    ];
    let question = "Which picture would you rather publish as an advertisement of this product?";
    Ok(sheet("pairs", question, &buttons, &cards))
}

/// A sheet of single pictures: the first attempts of all painters.
///
/// # Errors
/// A picture that can't be read any more.
pub(super) fn labels(of: &Evaluated) -> Result<String> {
    let viewers = of.viewers();
    let count = of.items.records().len();
    let mut cards = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for at in label_order(of.names.len(), count, of.figures.settings.seed) {
        let hand = &of.painted[at.painter].hand;
        let (drawing, picture) = viewers.finished(hand, Try::first(at.item))?;
        let key = picture_id(&drawing.recipe);
        if !seen.insert(key.clone()) {
            continue;
        }
        let product = drawing.product.over([255; 3]);
        let pictures = html! {
            div.one {
                (shown(&picture)?)
                figure {
                    img src=(source_within(&product, PRODUCT_SIDE)?) alt="the product";
                    figcaption.soft { "The product" }
                }
            }
        };
        cards.push(card(&key, &pictures, &of.items.records()[at.item]));
    }
    let classes = &Class::ALL[..5];
    let keys = ["1", "2", "3", "4", "5"];
    let buttons: Vec<(&str, &str, &str)> = classes
        .iter()
        .zip(keys)
        .map(|(class, key)| (class.slug(), class.name(), key))
        .collect();
    let question = "Can this picture be published? If not, why?";
    Ok(sheet("labels", question, &buttons, &cards))
}

fn shown(picture: &RgbImage) -> Result<Markup> {
    let source = source_within(picture, SIDE)?;
    Ok(html! { img.picture src=(source) alt=""; })
}

fn card(key: &str, pictures: &Markup, record: &Record) -> Markup {
    html! {
        section.card data-key=(key) hidden {
            (pictures)
            p { b { (record.title) } br; span.soft { (record.prompt) } }
            p.soft.id { (key) }
        }
    }
}

fn sheet(kind: &str, question: &str, buttons: &[(&str, &str, &str)], cards: &[Markup]) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Reliad sheet" }
                style { (PreEscaped(STYLE)) (PreEscaped(include_str!("sheet.css"))) }
            }
            body data-kind=(kind) {
                main {
                    header {
                        h1 { (question) }
                        p.soft {
                            "Keys " (buttons.first().map_or("", |button| button.2)) " to "
                            (buttons.last().map_or("", |button| button.2))
                            " answer, arrows go back and on. What you say stays in this browser until you save it as a file."
                        }
                    }
                    div.progress { i {} }
                    p.soft.status {}
                    @for card in cards { (card) }
                    div.buttons {
                        @for (choice, words, key) in buttons {
                            button data-choice=(choice) data-shortcut=(key) { (words) small { (key) } }
                        }
                    }
                    div.buttons.way {
                        button data-go="-1" { "Back" }
                        button data-go="1" { "On" }
                        button.save { "Save" }
                    }
                }
                script { (PreEscaped(include_str!("sheet.js"))) }
            }
        }
    }
    .into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_names_nobody_and_escapes_what_it_is_given() {
        let record: Record = serde_json::from_value(serde_json::json!({
            "image": "a.png", "label": "available", "product_id": 1, "title": "<script>", "prompt": "</script>&",
        }))
        .unwrap_or_else(|error| panic!("{error}"));
        let card = card("a-b", &html! {}, &record);
        let buttons = [("left", "Left", "1"), ("right", "Right", "3")];
        let page = sheet("pairs", "Which?", &buttons, &[card]);
        assert!(page.contains("data-key=\"a-b\"") && page.contains("&lt;script&gt;"));
        assert_eq!(page.matches("<script>").count(), 1);
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(!page.contains("://"), "it opens without a network");
    }
}
