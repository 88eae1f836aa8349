//! Things that could have been in std; imports nothing of ours.

pub mod fault;

pub mod labels;

pub mod niceness;

pub mod rng;

pub mod csv;

pub mod caught;
