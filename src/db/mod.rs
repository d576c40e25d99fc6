//! Tour of `db`.
