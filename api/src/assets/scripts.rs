//! Takes comments and indentation out of the pages' scripts before they are sent: a quarter of what a browser would load.
//!
//! By lines, and only what is a line of its own: such a line can't be a part of a string or of an expression. Lines stay, so
//! that places in errors are those of the file.

/// The script without its comments.
pub(super) fn stripped(script: &str) -> String {
    let mut stripped = String::with_capacity(script.len());
    let mut in_comment = false;
    let mut in_template = false;
    for line in script.lines() {
        let code = line.trim();
        let begins = !in_comment && code.starts_with("/*") && !code.starts_with("/*!") && !names_a_licence(code);
        if in_template {
            stripped.push_str(line);
        } else if in_comment || (begins && (code.ends_with("*/") || !code.contains("*/"))) {
            in_comment = !code.ends_with("*/");
            stripped.push('\n');
            continue;
        } else if !code.starts_with("//") || names_a_licence(code) {
            stripped.push_str(code);
        } else {
            stripped.push('\n');
            continue;
        }
        stripped.push('\n');
        in_template ^= code.matches('`').count() % 2 == 1;
    }
    stripped
}

/// Others' code says so in its first line.
fn names_a_licence(comment: &str) -> bool {
    ["licen", "copyright", " mit"].iter().any(|word| comment.to_ascii_lowercase().contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_go_and_every_line_keeps_its_number() {
        let script = "// A module.\n\nimport { a } from \"./a.js\";\n\n/**\n * Adds: `1`.\n */\nexport function add(x) {\n  // One more.\n  const url = \"https://example.org\"; // as it is\n  /** @type {number} */\n  const y = /* not this */ x + 1;\n  return y;\n}\n";
        let expected = "\n\nimport { a } from \"./a.js\";\n\n\n\n\nexport function add(x) {\n\nconst url = \"https://example.org\"; // as it is\n\nconst y = /* not this */ x + 1;\nreturn y;\n}\n";
        assert_eq!(stripped(script), expected);
        assert_eq!(stripped(script).lines().count(), script.lines().count());
    }

    #[test]
    fn what_is_in_a_text_of_several_lines_is_no_comment() {
        let script = "const text = `\n  // a line\n  /* another */\n`;\n// a comment\n";
        assert_eq!(stripped(script), "const text = `\n  // a line\n  /* another */\n`;\n\n");
    }

    #[test]
    fn a_licence_and_code_after_a_comment_stay() {
        for script in ["/*! (c) somebody */\n", "// MIT licence\n", "/* one */ const a = 1;\n"] {
            assert_eq!(stripped(script), script);
        }
    }
}
