//! The IAB's schemas, asked through xmllint.

use std::fmt::Write as _;
use std::process::Command;

use interlude::market::format::VastVersion;

/// One thing that xmllint has against one document.
#[derive(Debug)]
pub struct Fault {
    /// Its place in the list that was given.
    pub document: usize,
    pub message: String,
}

/// Fails with every fault of every document; a few processes check them all.
pub fn check_vast(documents: &[(VastVersion, String)]) {
    let found = faults(documents);
    let shown = found.iter().take(20).fold(String::new(), |mut text, fault| {
        let (version, document) = &documents[fault.document];
        let _ = write!(text, "\n{}: {}\n{document}\n", version.as_str(), fault.message);
        text
    });
    assert!(found.is_empty(), "{} faults in {} documents{shown}", found.len(), documents.len());
}

pub fn faults(documents: &[(VastVersion, String)]) -> Vec<Fault> {
    let folder = tempfile::tempdir().unwrap();
    for (number, (version, document)) in documents.iter().enumerate() {
        let path = folder.path().join(format!("{number}.xml"));
        std::fs::write(path, as_schema_knows_it(*version, document)).unwrap();
    }
    let mut found = Vec::new();
    for schema in ["vast_2.0.1", "vast3_draft", "vast4", "vast_4.1", "vast_4.2"] {
        let versioned = documents.iter().enumerate();
        let files: Vec<_> = versioned
            .filter(|(_, (version, _))| schema_of(*version) == schema)
            .map(|(number, _)| format!("{number}.xml"))
            .collect();
        if files.is_empty() {
            continue;
        }
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema"])
            .arg(format!("{}/tests/fixtures/vast/xsd/{schema}.xsd", super::ROOT))
            .args(&files)
            .current_dir(folder.path())
            .output()
            .expect("xmllint is needed: apt-get install libxml2-utils, or run tests/run");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let valid = said.lines().filter(|line| line.ends_with(" validates")).count();
        let invalid: Vec<_> = said.lines().filter_map(fault).collect();
        assert!(
            output.status.success() == invalid.is_empty() && valid <= files.len(),
            "xmllint said neither yes nor no: {said}"
        );
        found.extend(invalid);
    }
    found
}

/// `12.xml:1: element Error: Schemas validity error : …` or `12.xml:1: parser error : …`
fn fault(line: &str) -> Option<Fault> {
    let (file, message) = line.split_once(".xml:")?;
    Some(Fault { document: file.parse().ok()?, message: message.to_owned() })
}

/// There is no schema of 4.3 (the IAB's file is empty): 4.2's is used, see below.
fn schema_of(version: VastVersion) -> &'static str {
    match version {
        VastVersion::V2_0 => "vast_2.0.1",
        VastVersion::V3_0 => "vast3_draft",
        VastVersion::V4_0 => "vast4",
        VastVersion::V4_1 => "vast_4.1",
        VastVersion::V4_2 | VastVersion::V4_3 => "vast_4.2",
    }
}

/// The two things that the schemas do not know and the standard asks for:
/// - `[MACRO]`s (4.3 §6): a URL with one is a template, and only what the player makes of it is
///   an `xs:anyURI`. They become `-1`, the standard's word for "unknown".
/// - the event `notUsed` of 4.3 §3.14.1, which the schema of 4.2 does not list.
fn as_schema_knows_it(version: VastVersion, document: &str) -> String {
    let mut document = document.to_owned();
    if version == VastVersion::V4_3 {
        while let Some(start) = document.find("<Tracking event='notUsed'>") {
            let end = "</Tracking>";
            let length = document[start..].find(end).unwrap() + end.len();
            document.replace_range(start..start + length, "");
        }
    }
    let mut out = String::new();
    let mut rest = document.as_str();
    while let Some(start) = rest.find('[') {
        let after = &rest[start + 1..];
        let name = after.bytes().take_while(|b| b.is_ascii_uppercase()).count();
        let is_macro = name > 0 && after.as_bytes().get(name) == Some(&b']');
        let end = if is_macro { start + name + 2 } else { start + 1 };
        out.push_str(&rest[..start]);
        out.push_str(if is_macro { "-1" } else { "[" });
        rest = &rest[end..];
    }
    out + rest
}
