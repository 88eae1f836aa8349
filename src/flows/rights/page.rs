//! How does an export read for people? One HTML page that needs nothing else.
//!
//! No script, no picture, no link to anywhere: it can be kept and mailed. Cold.

use std::fmt::{self, Display, Write as _};

use super::export::{Decision, Export, KindKnown};

/// The page of an export.
pub fn page(export: &Export) -> String {
    let mut out = String::from(HEAD);
    // Writing to a string cannot fail.
    let _ = write(export, &mut out);
    out
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
<title>What Interlude knows about you</title>\n<style>\n\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}\n\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ccc}\n\
h3{font-size:1rem;margin-bottom:.2rem}\n\
table{border-collapse:collapse;width:100%;margin:.5rem 0}\n\
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e4e4e4;vertical-align:top}\n\
code{font-size:.85em;overflow-wrap:anywhere}.note{color:#555}\n\
</style></head><body>\n";

fn write(export: &Export, out: &mut String) -> fmt::Result {
    writeln!(out, "<h1>What Interlude knows about you</h1>")?;
    writeln!(out, "<p>As of {}.</p>", Text(&export.made_at))?;
    writeln!(out, "<p class=\"note\">{}</p>", Text(&export.listener.note))?;
    writeln!(out, "<p>Your profile's name: <code>key:{}</code></p>", Text(&export.listener.key))?;
    profile(export, out)?;
    refusals(export, out)?;
    writeln!(out, "<h2>Links from other ids</h2>")?;
    writeln!(out, "<p class=\"note\">{}</p>", Text(&export.links.note))?;
    if export.links.hashes.is_empty() {
        writeln!(out, "<p>None.</p>")?;
    }
    for hash in &export.links.hashes {
        writeln!(out, "<p><code>{}</code></p>", Text(hash))?;
    }
    writeln!(out, "<h2>What you heard</h2>")?;
    writeln!(
        out,
        "<p class=\"note\">Kept so that you do not hear the same too often, and to count how many \
         people an advertiser reached.</p>"
    )?;
    let heard = export.heard.iter();
    let rows = heard.map(|heard| {
        let line = &heard.line;
        vec![heard.at.clone(), line.line.clone(), line.advertiser.clone().unwrap_or_default()]
    });
    table(&["When", "Ad", "Advertiser"], rows.collect(), out)?;
    decisions(export, out)?;
    writeln!(out, "<h2>What was done for you</h2>")?;
    let acts = export.acts.iter();
    let rows = acts.map(|act| vec![act.at.clone(), act.deed.to_owned(), act.who.clone()]);
    table(&["When", "What", "By"], rows.collect(), out)?;
    writeln!(out, "</body></html>")
}

fn profile(export: &Export, out: &mut String) -> fmt::Result {
    writeln!(out, "<h2>Your profile</h2>")?;
    if export.profile.is_empty() {
        writeln!(out, "<p>Nothing is known.</p>")?;
    }
    for KindKnown { kind, what, values } in &export.profile {
        writeln!(out, "<h3>{} <small class=\"note\">({})</small></h3>", Text(what), Text(kind))?;
        let rows = values.iter().map(|known| {
            let mut from = known.from.name.clone();
            if let Some(basis) = known.from.legal_basis {
                from.push_str(&format!(", on the ground of {basis}"));
            }
            if let Some(id) = known.from.gvl_id {
                from.push_str(&format!(", vendor {id}"));
            }
            let until = match (&known.expires, known.has_expired) {
                (None, _) => "until replaced or erased".to_owned(),
                (Some(at), false) => at.clone(),
                (Some(at), true) => format!("ended {at}; not used, about to be deleted"),
            };
            let name = known.dimension.replace('_', " ");
            vec![name, known.value.clone(), format!("{} %", known.confidence_pct), from, until]
        });
        table(&["What", "Value", "How sure", "From", "Kept until"], rows.collect(), out)?;
    }
    Ok(())
}

fn refusals(export: &Export, out: &mut String) -> fmt::Result {
    let said = &export.refusals;
    writeln!(out, "<h2>What you have refused</h2>")?;
    let refused = match (said.all, said.opted_out.is_empty()) {
        (true, _) => "Everything.".to_owned(),
        (false, true) => "Nothing.".to_owned(),
        (false, false) => format!("{}.", said.opted_out.join(", ")),
    };
    writeln!(out, "<p>{}</p>", Text(&refused))?;
    if said.minor {
        writeln!(out, "<p>You are known to be under 18: no profile of yours is used.</p>")?;
    }
    if !said.opted_in.is_empty() {
        writeln!(out, "<p>You have allowed: {}.</p>", Text(&said.opted_in.join(", ")))?;
    }
    Ok(())
}

fn decisions(export: &Export, out: &mut String) -> fmt::Result {
    let decisions = &export.decisions;
    writeln!(out, "<h2>What it was used for</h2>")?;
    writeln!(out, "<p class=\"note\">{}</p>", Text(&decisions.note))?;
    writeln!(out, "<p>{} decisions are known to be about you.</p>", decisions.kept)?;
    for Decision { at, request, outcome, profile_read, ads, note } in decisions.told.iter().rev() {
        let outcome = outcome.replace('_', " ");
        writeln!(out, "<h3>{}: {} <code>{}</code></h3>", Text(at), Text(&outcome), Text(request))?;
        for ad in ads {
            let of = ad.line.advertiser.as_deref().unwrap_or("an advertiser");
            let facts = ad.facts_used.iter();
            let facts: Vec<_> = facts
                .map(|met| format!("{}: {}", met.dimension.replace('_', " "), met.value))
                .collect();
            let by = if facts.is_empty() {
                "nothing in particular".to_owned()
            } else {
                facts.join(", ")
            };
            writeln!(
                out,
                "<p>Offered \u{201c}{}\u{201d} of {}, chosen by {} (bid <code>{}</code>).</p>",
                Text(&ad.line.line),
                Text(&of),
                Text(&by),
                Text(&ad.bid)
            )?;
        }
        if !profile_read.is_empty() {
            writeln!(out, "<p class=\"note\">Read: {}.</p>", Text(&profile_read.join("; ")))?;
        }
        if let Some(note) = note {
            writeln!(out, "<p class=\"note\">{}</p>", Text(note))?;
        }
    }
    Ok(())
}

fn table(heads: &[&str], rows: Vec<Vec<String>>, out: &mut String) -> fmt::Result {
    if rows.is_empty() {
        return writeln!(out, "<p>None.</p>");
    }
    write!(out, "<table><tr>")?;
    for head in heads {
        write!(out, "<th>{}</th>", Text(head))?;
    }
    writeln!(out, "</tr>")?;
    for row in rows {
        write!(out, "<tr>")?;
        for cell in row {
            write!(out, "<td>{}</td>", Text(&cell))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table>")
}

/// Text that stays text in a page.
struct Text<'t, T: AsRef<str> + ?Sized>(&'t T);

impl<T: AsRef<str> + ?Sized> Display for Text<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.as_ref().chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}
