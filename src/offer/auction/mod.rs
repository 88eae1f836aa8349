//! Which candidate wins which slot, at what price? Floors, deals, rank, pods. Hot.
