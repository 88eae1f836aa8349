//! What did `live` answer? Written down while a decision is made, given back when it is replayed.
//! Hot, fixed in size.

use super::{Ask, Hold, Live, Pace, Sleep};
use crate::base::units::ids::LineIx;
use crate::market::marks::SupplyMark;
use crate::market::outcome::Refusal;

/// Most answers of one decision; every question beyond it is answered [`Refusal::AskLimit`].
pub const ANSWERS_MAX: usize = 96;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Question {
    MayBid = 0,
    Hold = 1,
    /// Of no line, and written down only where the answer is yes: hardly any supply is.
    IsBoxed = 2,
}

/// One question and its answer. The line is the dense one of the record's world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    pub line: LineIx,
    pub question: Question,
    /// 0 is yes; else the refusal's number plus one.
    pub code: u8,
    /// Of a line that may bid; else full.
    pub pace: Pace,
}

impl Answer {
    /// The supply is in the penalty box.
    const BOXED: Answer =
        Answer { line: LineIx(0), question: Question::IsBoxed, code: 0, pace: Pace::FULL };

    fn new(line: LineIx, question: Question, result: Result<Pace, Refusal>) -> Answer {
        let code = result.err().map_or(0, |refusal| refusal as u8 + 1);
        Answer { line, question, code, pace: result.unwrap_or(Pace::FULL) }
    }

    pub fn result(self) -> Result<Pace, Refusal> {
        match self.code.checked_sub(1) {
            None => Ok(self.pace),
            Some(code) => Err(Refusal::from_code(code).unwrap_or(Refusal::AskLimit)),
        }
    }
}

/// The answers of one decision, in order.
#[derive(Clone, Copy)]
pub struct Answers {
    /// The epoch of the lines that were passed over unasked; nought: none were.
    pub asleep: u64,
    len: u8,
    list: [Answer; ANSWERS_MAX],
}

const _: () = assert!(ANSWERS_MAX <= u8::MAX as usize, "the length fits a byte");

impl Answers {
    pub const fn new() -> Answers {
        let (line, question) = (LineIx(0), Question::MayBid);
        let none = Answer { line, question, code: 0, pace: Pace::FULL };
        Answers { asleep: 0, len: 0, list: [none; ANSWERS_MAX] }
    }

    pub fn as_slice(&self) -> &[Answer] {
        &self.list[..usize::from(self.len)]
    }

    pub fn clear(&mut self) {
        self.asleep = 0;
        self.len = 0;
    }

    pub fn is_full(&self) -> bool {
        usize::from(self.len) == ANSWERS_MAX
    }

    /// `false` when there was no room.
    pub fn push(&mut self, answer: Answer) -> bool {
        let room = !self.is_full();
        if room {
            self.list[usize::from(self.len)] = answer;
            self.len += 1;
        }
        room
    }
}

impl Default for Answers {
    fn default() -> Answers {
        Answers::new()
    }
}

impl PartialEq for Answers {
    fn eq(&self, other: &Answers) -> bool {
        self.asleep == other.asleep && self.as_slice() == other.as_slice()
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

/// Asks another and writes down what it says.
pub struct Recorder<'a, L> {
    live: L,
    answers: &'a mut Answers,
}

impl<'a, 's, L: Live<'s>> Recorder<'a, L> {
    /// Forgets what stands in `answers`.
    pub fn new(live: L, answers: &'a mut Answers) -> Recorder<'a, L> {
        answers.clear();
        answers.asleep = live.asleep().map_or(0, |sleep| sleep.epoch);
        Recorder { live, answers }
    }

    fn keep(
        &mut self,
        line: LineIx,
        question: Question,
        ask: impl FnOnce(&mut L) -> Result<Pace, Refusal>,
    ) -> Result<Pace, Refusal> {
        if self.answers.is_full() {
            return Err(Refusal::AskLimit);
        }
        let result = ask(&mut self.live);
        self.answers.push(Answer::new(line, question, result));
        result
    }
}

impl<'s, L: Live<'s>> Live<'s> for Recorder<'_, L> {
    fn asleep(&self) -> Option<&'s Sleep> {
        self.live.asleep()
    }

    fn is_boxed(&mut self, supply: SupplyMark) -> bool {
        // A yes that has no room is a no, now and in the replay.
        self.live.is_boxed(supply) && self.answers.push(Answer::BOXED)
    }

    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        self.keep(ask.line, Question::MayBid, |live| live.may_bid(ask))
    }

    fn looked_at(&mut self, line: LineIx, refusal: Option<Refusal>) {
        self.live.looked_at(line, refusal);
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        let ask = |live: &mut L| live.hold(hold).map(|()| Pace::FULL);
        self.keep(hold.line, Question::Hold, ask).map(drop)
    }
}

/// Gives recorded answers back, and notices when another question is asked than the one recorded.
pub struct Recorded<'a> {
    answers: &'a [Answer],
    asleep: Option<&'a Sleep>,
    next: usize,
    divergence: Option<Divergence>,
}

/// Where a replay left the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Divergence {
    /// The number of the question, from nought.
    pub at: usize,
    /// What was asked now; `None`: nothing more.
    pub asked: Option<(Question, LineIx)>,
    /// What was asked then; `None`: nothing more.
    pub recorded: Option<Answer>,
}

impl<'a> Recorded<'a> {
    /// `asleep`: the sleep of the epoch that `answers` name.
    pub fn new(answers: &'a Answers, asleep: Option<&'a Sleep>) -> Recorded<'a> {
        Recorded { answers: answers.as_slice(), asleep, next: 0, divergence: None }
    }

    /// Call when the decision is made: every answer used, and each for its question?
    pub fn finish(self) -> Result<(), Divergence> {
        let left = self.answers.get(self.next).map(|&answer| Divergence {
            at: self.next,
            asked: None,
            recorded: Some(answer),
        });
        self.divergence.or(left).map_or(Ok(()), Err)
    }

    fn answer(&mut self, question: Question, line: LineIx) -> Result<Pace, Refusal> {
        if self.divergence.is_some() {
            return Err(Refusal::AskLimit);
        }
        let recorded = self.answers.get(self.next).copied();
        match recorded {
            Some(answer) if (answer.question, answer.line) == (question, line) => {
                self.next += 1;
                answer.result()
            }
            None if self.next == ANSWERS_MAX => Err(Refusal::AskLimit),
            _ => {
                let asked = Some((question, line));
                self.divergence = Some(Divergence { at: self.next, asked, recorded });
                Err(Refusal::AskLimit)
            }
        }
    }
}

impl<'a> Live<'a> for Recorded<'a> {
    fn asleep(&self) -> Option<&'a Sleep> {
        self.asleep
    }

    fn is_boxed(&mut self, _supply: SupplyMark) -> bool {
        let boxed = self.answers.get(self.next) == Some(&Answer::BOXED);
        self.next += usize::from(boxed);
        boxed
    }

    fn may_bid(&mut self, ask: &Ask) -> Result<Pace, Refusal> {
        self.answer(Question::MayBid, ask.line)
    }

    fn hold(&mut self, hold: &Hold) -> Result<(), Refusal> {
        self.answer(Question::Hold, hold.line).map(drop)
    }
}
