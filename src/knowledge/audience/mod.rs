//! Who is listening? Compact profiles in memory, their store, import and counts.
