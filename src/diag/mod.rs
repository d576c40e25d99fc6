//! Tour of `diag`.
