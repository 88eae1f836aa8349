//! What we offer: which lines want this moment, which may have it, at what price, in what form.

pub mod targeting;

pub mod ledger;

pub mod delivery;

pub mod auction;

pub mod creative;

pub mod records;
