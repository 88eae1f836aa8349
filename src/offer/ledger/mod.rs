//! What happened? Decision records, accounts, rollups.
