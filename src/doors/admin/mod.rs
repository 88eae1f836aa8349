//! The operator listener: health and metrics.
