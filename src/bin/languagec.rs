//! `languagec`, the compiler driver.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    codira::driver::languagec(std::env::args_os().skip(1).collect()).into()
}
