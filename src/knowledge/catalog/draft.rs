//! What does a targeting expression ask for that stands in no campaign yet?
//!
//! Read when somebody asks whom it would reach; cold. The language is that of campaign files, and
//! so are the faults; but the vocabulary stays as it is.

use std::path::Path;

use crate::base::stdx::fault::{Fault, Faults};
use crate::market::vocabulary::Vocabulary;

use super::lexicon::Lexicon;
use super::limits::Limits;

use super::model::Expr;
use super::node::{Kind, Node};
use super::rails::Rails;
use super::targeting;
use super::text::documents;
use super::values::Complaint;
use super::walk::{Findings, Trail};

/// An expression on its own.
#[derive(Debug)]
pub struct Draft {
    pub expr: Expr,
    /// How the parts of the expression are named, if it is an `all` of several; else its name.
    pub clauses: Vec<String>,
    /// What is allowed but most likely not meant.
    pub warnings: Vec<Fault>,
}

/// Reads `{"targeting": EXPRESSION}` or the expression itself; the name of `file` tells the format,
/// as with campaign files.
pub fn draft(
    file: &Path,
    text: &str,
    vocabulary: &Vocabulary,
    limits: &Limits,
) -> Result<Draft, Faults> {
    let findings = Findings::new(file, limits.faults);
    let read = documents(file, text, limits).map_err(|why| {
        let Fault { file, path, mend, .. } = Fault::of_file(file, "");
        let (line, column) = (why.place.line, why.place.column);
        Faults::one(Fault { file, line, column, path, message: why.message, mend })
    })?;
    let [document] = read.as_slice() else {
        let message = format!("{} documents where one must stand", read.len());
        return Err(Faults::one(Fault::of_file(file, message)));
    };
    let key = Trail::ROOT.key("targeting");
    let wrapped = wrapped(&findings, document);
    let (node, trail) = wrapped.map_or((document, &Trail::ROOT), |node| (node, &key));
    let words = (Lexicon::Fixed(vocabulary), Rails::Up);
    let expr = targeting::read(&findings, words, limits, node, trail);
    Faults::check(findings.faults.take())?;
    let Some(expr) = expr else {
        return Err(Faults::one(Fault::of_file(file, "cannot be understood")));
    };
    let clauses = names(node, &expr);
    Ok(Draft { expr, clauses, warnings: findings.warnings.take() })
}

/// What stands under `targeting`, if that is the key.
fn wrapped<'n>(findings: &Findings<'_>, document: &'n Node) -> Option<&'n Node> {
    let Kind::Map(map) = &document.kind else { return None };
    let targeting = map.iter().find(|entry| entry.key == "targeting")?;
    for entry in map.iter().filter(|entry| entry.key != "targeting") {
        let message = format!("unknown key `{}` beside `targeting`", entry.key);
        let complaint = Complaint::mend(message, "clauses stand within `targeting`");
        findings.fault(entry.place, &Trail::ROOT.key(&entry.key), complaint);
    }
    Some(&targeting.value)
}

fn names(node: &Node, expr: &Expr) -> Vec<String> {
    let Kind::Map(map) = &node.kind else { return Vec::new() };
    let parts = match expr {
        Expr::All(parts) if parts.len() > 1 => parts.len(),
        _ => 1,
    };
    match map.as_slice() {
        [] => vec!["everybody".to_owned()],
        [entry] if parts > 1 => (0..parts).map(|at| format!("{}[{at}]", entry.key)).collect(),
        entries => entries.iter().map(|entry| entry.key.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, text: &str) -> Result<Draft, String> {
        let vocabulary = Vocabulary::new();
        draft(Path::new(file), text, &vocabulary, &Limits::default())
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn both_formats_wrapped_or_not_say_the_same() {
        let text = r#"{"gender": "female", "any": [{"mood": "calm"}, {"age": {"max": 24}}]}"#;
        let bare = read("draft.json", text).unwrap();
        assert_eq!(bare.clauses, ["gender", "any"]);
        let wrapped = read("draft.json", &format!("{{\"targeting\": {text}}}")).unwrap();
        let yaml = "targeting:\n  gender: female\n  any: [mood: calm, age: {max: 24}]\n";
        let yaml = read("draft.yaml", yaml).unwrap();
        assert!(bare.expr == wrapped.expr && bare.expr == yaml.expr);
        assert_eq!(yaml.clauses, bare.clauses);
    }

    #[test]
    fn the_parts_have_names() {
        for (text, names) in [
            ("{}", &["everybody"][..]),
            (r#"{"gender": "male"}"#, &["gender"]),
            (r#"{"all": [{"gender": "male"}, {"mood": "calm"}]}"#, &["all[0]", "all[1]"]),
            (r#"{"gender": {"any_of": "male", "none_of": "female"}}"#, &["gender[0]", "gender[1]"]),
            (r#"{"not": {"gender": "male", "mood": "calm"}}"#, &["not"]),
        ] {
            let draft = read("draft.json", text).unwrap();
            assert_eq!(draft.clauses, names, "{text}");
        }
    }

    #[test]
    fn faults_name_the_place_and_the_mend() {
        for (text, told) in [
            (r#"{"targeting": {"mod": "calm"}}"#, "1:16: targeting.mod: unknown dimension `mod`"),
            (r#"{"gender": "femle"}"#, "did you mean `female`?"),
            (r#"{"targeting": {}, "name": 1}"#, "unknown key `name` beside `targeting`"),
            ("[]", "a list where a map of clauses must stand"),
            ("{", "1:2:"),
        ] {
            let fault = read("draft.json", text).unwrap_err();
            assert!(fault.contains(told), "{fault}");
        }
    }

    #[test]
    fn a_new_word_gets_no_id_and_a_warning() {
        let vocabulary = Vocabulary::new();
        let text = r#"{"taste_artist": ["Nobody Yet", "Nobody Else"]}"#;
        let draft = draft(Path::new("d.json"), text, &vocabulary, &Limits::default()).unwrap();
        let places: Vec<_> = draft.warnings.iter().map(|w| w.path.clone()).collect();
        assert_eq!(places, ["taste_artist[0]", "taste_artist[1]"]);
        assert_eq!(vocabulary.len(), Vocabulary::new().len());
    }
}
