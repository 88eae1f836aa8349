//! How does a run end? With every hold over, the books closed, and the audit.

use super::super::Broken;
use super::super::auditor;
use super::super::summary::Ran;
use super::{Event, Fall, Run, SECOND_US};
use crate::rehearsal::audit;

impl Run<'_> {
    /// When no hold and no ghost can be left: the books are closed and read.
    pub(super) fn end(mut self) -> Result<Ran, Broken> {
        self.house.mend_disk();
        self.disk_struck = false;
        if self.house.has_failed() {
            self.fall(Fall::Failed);
        }
        self.happen(Event::Open)?;
        for _ in 0..3 {
            self.now_us += 86_400 * SECOND_US;
            self.house.turn(self.clock());
            let answered = self.house.sync();
            self.answered(answered);
        }
        let books: Vec<_> =
            self.stories.iter().map(|story| self.house.line(story.id, story.currency)).collect();
        let answered = self.house.close(self.clock());
        self.answered(answered);
        let files = self.house.files()?;
        for (_, bytes) in &files {
            self.note(b'j', bytes);
        }
        let entries = auditor::read(files.iter().map(|(_, bytes)| &bytes[..]));
        let entries = entries.map_err(Broken::of)?;
        let stories = &self.stories;
        let book = |id| {
            let at = stories.iter().position(|story| story.id == id).unwrap_or(0);
            books[at]
        };
        let mut findings = self.auditor.audit(&entries, &book);
        // Every balance again, from the bytes alone, against both ways to a ledger.
        let audited = audit::audit_bytes(&files).map_err(Broken::of)?;
        findings.faults.extend(self.house.differences(&audited)?);
        findings.faults.extend(audited.faults);
        findings.faults.append(&mut self.faults);
        let mut summary = self.summary;
        summary.notices_acknowledged = findings.acknowledged;
        summary.notices_lost = findings.lost;
        summary.charged_twice = findings.charged_twice;
        summary.overspend_nanos = findings.overspend_nanos;
        summary.conservation_error_nanos = findings.conservation_error_nanos;
        summary.spend_to_budget = self.plan.spend_to_budget(&findings.spent);
        Ok(Ran {
            summary,
            findings,
            hash: self.history.hash(),
            requests: self.asked,
            hours: self.hours,
            bid_nanos: self.bid_nanos,
            crashes: self.crashes,
            files,
            stories: self.stories,
            marks: self.marks,
            start_s: self.start_us / SECOND_US,
            span_s: self.order.span_s,
        })
    }
}
