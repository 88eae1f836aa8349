//! The money path: read this second.
