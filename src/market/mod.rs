//! The market's language: the wire, the signals, the words, and the nouns that stages hand on.

pub mod outcome;

pub mod step;

pub mod openrtb;

pub mod privacy;

pub mod vocabulary;

pub mod facts;

pub mod format;

pub mod slot;

pub mod cipher;

pub mod exchange;

pub mod marks;

pub mod opportunity;

pub mod ticket;

pub mod notice;
