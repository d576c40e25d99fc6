//! The runtime as the build script left it.

use std::sync::LazyLock;

use crate::codegen::blob::SymbolName;

/// An executable that holds the runtime and nothing to run; empty where no C compiler could link one.
pub static IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/runtime.image"));

/// The runtime for programs that a linker puts together.
pub static ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libcodira_runtime.a"));

static SYMBOL_TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/runtime.symbols"));

/// A function or variable of the runtime in [`IMAGE`].
#[derive(Clone, Copy, Debug)]
pub struct RuntimeSymbol {
    pub name: SymbolName,
    pub address: u64,
    pub size: u64,
}

/// What programs may refer to in [`IMAGE`].
pub fn symbols() -> &'static [RuntimeSymbol] {
    static SYMBOLS: LazyLock<Vec<RuntimeSymbol>> =
        LazyLock::new(|| SYMBOL_TEXT.lines().filter_map(parse).collect());
    &SYMBOLS
}

/// A line is `address size name`, the numbers in hexadecimal.
fn parse(line: &str) -> Option<RuntimeSymbol> {
    let mut words = line.split(' ');
    let mut number = || u64::from_str_radix(words.next()?, 16).ok();
    let (address, size) = (number()?, number()?);
    Some(RuntimeSymbol {
        name: SymbolName::new(words.next()?),
        address,
        size,
    })
}

/// The address of a symbol that the image writer itself needs.
pub(super) fn address_of(name: &str) -> Option<u64> {
    symbols()
        .iter()
        .find(|symbol| symbol.name.as_str() == name)
        .map(|symbol| symbol.address)
}
