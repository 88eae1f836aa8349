//! One file per subcommand.

pub mod audience;

pub mod check;
