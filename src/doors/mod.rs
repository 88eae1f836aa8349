//! HTTP: what exchanges and operators reach.

pub mod readiness;

pub mod receive;

pub mod admin;
