//! `language`, which builds, tests and runs programs and packages.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    codira::driver::language(std::env::args_os().skip(1).collect())
}
