use super::*;

fn is_stream(text: &str, name: &str) -> bool {
    matches!(Source::parse(Some(text)), Ok(Source::Stream(stream)) if stream.as_str() == name)
}

fn is_filter(text: Option<&str>, prefixes: &[&str]) -> bool {
    matches!(Source::parse(text), Ok(Source::All(filter)) if filter == Filter::streams(prefixes))
}

#[test]
fn a_star_at_the_end_stands_for_the_rest() {
    assert!(is_filter(None, &[]));
    assert!(is_filter(Some("*"), &[]));
    assert!(is_filter(Some("seat-demo.*"), &["seat-demo."]));
    assert!(is_stream("seat-demo.A-1", "seat-demo.A-1"));
    for bad in ["", "**", "a*b", "a*b*", "*a"] {
        assert!(Source::parse(Some(bad)).is_err(), "{bad}");
    }
}
