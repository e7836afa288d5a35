//! Ids that are made of names.

use std::collections::HashSet;

/// Ids made of names, each once.
#[derive(Default)]
pub(super) struct Ids(HashSet<String>);

impl Ids {
    const MOST: usize = 30;

    pub fn next(&mut self, name: &str, otherwise: &str) -> String {
        let slug = slug(name, Self::MOST);
        let first = if slug.is_empty() { otherwise.to_owned() } else { slug };
        let mut id = first.clone();
        let mut number = 2_u32;
        while !self.0.insert(id.clone()) {
            id = format!("{first}-{number}");
            number += 1;
        }
        id
    }
}

/// A name in the letters of an id; empty if it has none of them.
pub fn slug(name: &str, most: usize) -> String {
    let mut text = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            text.push(c);
        } else if !text.is_empty() && !text.ends_with('-') {
            text.push('-');
        }
        if text.len() >= most {
            break;
        }
    }
    text.trim_end_matches('-').to_owned()
}
