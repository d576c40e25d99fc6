//! `language-autolink-extract`, which tells linkers what objects want to be linked with.

use std::process::ExitCode;

fn main() -> ExitCode {
    codira::driver::autolink_extract(std::env::args_os().skip(1).collect()).into()
}
