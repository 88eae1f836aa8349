//! Wiring, named background loops, start order, drain.
