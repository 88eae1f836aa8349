//! HTTP: what exchanges and operators reach.

pub mod receive;

pub mod admin;
