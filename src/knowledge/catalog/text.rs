//! Which campaign files are there, and what is in them? Paths → texts → trees.
//!
//! Called by [`sheets`](super::sheets); cold.

use std::path::{Path, PathBuf};

use super::limits::Limits;
use super::node::{Bounds, Node, SyntaxFault};
use super::{json, yaml};
use crate::base::stdx::fault::Fault;

/// Folders stand for the campaign files in them, in the order of their names.
pub fn expand(files: &[PathBuf], faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let mut expanded = Vec::new();
    for file in files {
        if !file.is_dir() {
            expanded.push(file.clone());
            continue;
        }
        match std::fs::read_dir(file) {
            Ok(entries) => {
                let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
                let mut paths: Vec<_> = paths.filter(|path| is_campaign_file(path)).collect();
                paths.sort();
                expanded.extend(paths);
            }
            Err(error) => {
                faults.push(Fault::of_file(file, format!("the folder cannot be read: {error}")));
            }
        }
    }
    expanded
}

fn is_campaign_file(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("yaml" | "yml" | "json")) && path.is_file()
}

pub fn text_of(file: &Path, limits: &Limits) -> Result<String, Fault> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::of_file(file, "no such file"),
        _ => Fault::of_file(file, format!("cannot be read: {error}")),
    };
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    if size > limits.file_bytes {
        let message = format!("{size} bytes where at most {} may be", limits.file_bytes);
        return Err(Fault::of_file(file, message));
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
        Fault::at(file, &text, at, "", "not UTF-8 from here on".to_owned())
    })
}

pub fn documents(file: &Path, text: &str, limits: &Limits) -> Result<Vec<Node>, SyntaxFault> {
    let bounds = Bounds { nodes: limits.nodes, depth: limits.depth };
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("json") => json::read(text, bounds).map(|node| vec![node]),
        _ => yaml::read(text, bounds),
    }
}
