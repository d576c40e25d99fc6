//! `language`, which runs programs; building and testing packages come later.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    codira::driver::language(std::env::args_os().skip(1).collect()).into()
}
