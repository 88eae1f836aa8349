//! Is an event one line? Whatever stands in it: nobody forges a line of the log from outside.
//!
//! Called by the log for each event; cold. A break within an event goes on behind a bar, so no
//! part of it looks like another event; what moves a terminal's cursor or ends a line for some
//! readers only is written as its number.

use std::io::{self, IsTerminal as _, Write};

use super::outlet::Outlet;

/// Standard error, which gets whole events.
pub struct Lines<W> {
    to: W,
    /// Colours are meant.
    coloured: bool,
}

impl Lines<Outlet> {
    pub fn to_stderr() -> Lines<Outlet> {
        Lines { coloured: io::stderr().is_terminal(), to: Outlet }
    }
}

impl<W: Write> Write for Lines<W> {
    /// One event, with the line's end.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(event) {
            Ok(text) => self.to.write_all(plain(text, self.coloured).as_bytes())?,
            // The log writes texts.
            Err(_) => {
                self.to.write_all(plain(&String::from_utf8_lossy(event), false).as_bytes())?
            }
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn plain(event: &str, coloured: bool) -> String {
    let (inside, end) = match event.strip_suffix('\n') {
        Some(inside) => (inside, "\n"),
        None => (event, ""),
    };
    let mut out = String::with_capacity(event.len());
    for letter in inside.chars() {
        match letter {
            '\n' => out.push_str("\n    | "),
            '\t' => out.push(letter),
            '\u{1b}' if coloured => out.push(letter),
            // As JSON writes it, so that a line of JSON stays one.
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push_str(end);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(event: &str) -> String {
        let mut lines = Lines { to: Vec::new(), coloured: false };
        lines.write_all(event.as_bytes()).unwrap();
        String::from_utf8(lines.to).unwrap()
    }

    #[test]
    fn an_event_cannot_look_like_two() {
        let forged = "INFO a\r\nERROR forged\u{2028}ERROR too\u{85}x\u{1b}[2Jy\0\n";
        let told = written(forged);
        assert_eq!(
            told,
            "INFO a\\u000d\n    | ERROR forged\\u2028ERROR too\\u0085x\\u001b[2Jy\\u0000\n"
        );
        let begins = told.lines().filter(|line| !line.starts_with("    | "));
        assert_eq!(begins.count(), 1);
    }

    #[test]
    fn a_line_of_json_stays_what_it_says() {
        let said = "a\r\n\u{2028}\u{1b}\u{85}é{}";
        let told = written(&format!("{}\n", serde_json::json!({ "message": said })));
        assert_eq!(told.lines().count(), 1);
        let read: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(read["message"], said);
    }

    #[test]
    fn a_usual_line_is_left_as_it_is() {
        assert_eq!(written("INFO started port=8080 café\n"), "INFO started port=8080 café\n");
    }
}
