//! One file per subcommand.

pub mod audience;
