//! The bid path: read this first.
