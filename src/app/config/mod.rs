//! Nests the config of each room; loads it, checks it, reports every fault.
