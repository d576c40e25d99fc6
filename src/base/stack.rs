//! Room for recursion that follows the program: a variable's type that follows from another's, and so on.

/// With less room than this left, the stack is continued elsewhere.
const RED_ZONE: usize = 512 << 10;
/// How large each continuation is.
const SEGMENT: usize = 8 << 20;

/// Runs `work` with enough stack for what it does by itself. To be put around the step of a recursion whose depth the
/// program decides and nothing limits, like queries that ask themselves about the next declaration.
pub fn with_room<R>(work: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(RED_ZONE, SEGMENT, work)
}
