//! `languagec`, the compiler driver.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    codira::driver::languagec(std::env::args_os().skip(1).collect())
}
