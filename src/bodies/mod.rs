//! Tour of `bodies`: checking of function bodies.
pub mod thir;
