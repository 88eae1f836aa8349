//! Which lines want this? The compiled index. Hot.
