//! Blobs as text for an assembler.
//!
//! Code is written as the bytes that it consists of, with the places between them that refer to symbols as expressions. The assembler makes of it
//! what [`super::object_file`] writes directly.

use std::fmt::Write;

use super::{LineOf, LinkError};
use crate::codegen::blob::{
    DataBlob, FunctionBlob, LineReloc, Linkage, Reloc, RelocKind, SymbolName,
};

/// The text of functions and data, in this order.
///
/// # Errors
/// When a blob contradicts itself, or refers to a symbol in a way that has no text.
pub fn write_assembly<'a>(
    functions: impl IntoIterator<Item = &'a FunctionBlob>,
    data: impl IntoIterator<Item = &'a DataBlob>,
    lines: LineOf<'_>,
) -> Result<String, LinkError> {
    let mut text = String::new();
    for blob in functions {
        let head = Head {
            symbol: blob.symbol,
            linkage: blob.linkage,
            section: (".text", "ax", "@progbits"),
            kind: "@function",
            align: u64::from(blob.align).max(16),
        };
        head.write(&mut text);
        let bytes = with_lines(&blob.code, &blob.line_relocs, blob.symbol, lines)?;
        write_bytes(&mut text, &bytes, &blob.relocs, blob.symbol)?;
        head.finish(&mut text);
    }
    for blob in data {
        let is_zero = blob.bytes.is_empty() && blob.relocs.is_empty();
        let head = Head {
            symbol: blob.symbol,
            linkage: blob.linkage,
            section: match (blob.writable, is_zero, blob.relocs.is_empty()) {
                (true, true, _) => (".bss", "aw", "@nobits"),
                (true, false, _) => (".data", "aw", "@progbits"),
                (false, _, true) => (".rodata", "a", "@progbits"),
                (false, _, false) => (".data.rel.ro", "aw", "@progbits"),
            },
            kind: "@object",
            align: u64::from(blob.align).max(1),
        };
        head.write(&mut text);
        let bytes = with_lines(&blob.bytes, &blob.line_relocs, blob.symbol, lines)?;
        write_bytes(&mut text, &bytes, &blob.relocs, blob.symbol)?;
        if blob.zero_size > 0 {
            let _ = writeln!(text, "\t.zero {}", blob.zero_size);
        }
        head.finish(&mut text);
    }
    text.push_str("\t.section .note.GNU-stack,\"\",@progbits\n");
    Ok(text)
}

/// What is said about a symbol besides its bytes.
struct Head {
    symbol: SymbolName,
    linkage: Linkage,
    /// Name, flags, type.
    section: (&'static str, &'static str, &'static str),
    kind: &'static str,
    align: u64,
}

impl Head {
    fn write(&self, text: &mut String) {
        let (name, flags, kind) = self.section;
        let symbol = quoted(self.symbol.as_str());
        let section = quoted(&format!("{name}.{}", self.symbol));
        let _ = match self.linkage {
            Linkage::Shared => writeln!(
                text,
                "\t.section {section},\"{flags}G\",{kind},{symbol},comdat\n\t.weak {symbol}"
            ),
            Linkage::Global => writeln!(
                text,
                "\t.section {section},\"{flags}\",{kind}\n\t.globl {symbol}"
            ),
            Linkage::Hidden => writeln!(
                text,
                "\t.section {section},\"{flags}\",{kind}\n\t.globl {symbol}\n\t.hidden {symbol}"
            ),
            Linkage::Local => writeln!(text, "\t.section {section},\"{flags}\",{kind}"),
        };
        let _ = writeln!(
            text,
            "\t.balign {}\n\t.type {symbol}, {}\n{symbol}:",
            self.align, self.kind
        );
    }

    fn finish(&self, text: &mut String) {
        let symbol = quoted(self.symbol.as_str());
        let _ = writeln!(text, "\t.size {symbol}, . - {symbol}\n");
    }
}

/// A name that assemblers take for nothing else.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Bytes with the lines that they hold filled in.
fn with_lines(
    bytes: &[u8],
    relocs: &[LineReloc],
    in_symbol: SymbolName,
    lines: LineOf<'_>,
) -> Result<Vec<u8>, LinkError> {
    let mut bytes = bytes.to_vec();
    for reloc in relocs {
        let at = reloc.offset as usize;
        let place = bytes.get_mut(at..at + 4);
        let place = place.ok_or(LinkError::Malformed { in_symbol })?;
        place.copy_from_slice(&lines(reloc.key).to_le_bytes());
    }
    Ok(bytes)
}

fn write_bytes(
    text: &mut String,
    bytes: &[u8],
    relocs: &[Reloc],
    in_symbol: SymbolName,
) -> Result<(), LinkError> {
    let mut relocs: Vec<&Reloc> = relocs.iter().collect();
    relocs.sort_by_key(|reloc| reloc.offset);
    let mut at = 0;
    for reloc in relocs {
        let start = reloc.offset as usize;
        let target = quoted(reloc.target.as_str());
        let (width, expression) = match reloc.kind {
            RelocKind::Abs64 => (8, format!(".quad {target} + {}", reloc.addend)),
            RelocKind::Abs32 => (4, format!(".long {target} + {}", reloc.addend)),
            RelocKind::PcRel32 => (4, format!(".long {target} + {} - .", reloc.addend)),
            _ => {
                let message = "this machine's code has no form as text yet";
                return Err(LinkError::Linker(message.to_owned()));
            }
        };
        let before = bytes.get(at..start);
        plain_bytes(text, before.ok_or(LinkError::Malformed { in_symbol })?);
        let _ = writeln!(text, "\t{expression}");
        at = start + width;
    }
    let rest = bytes.get(at..);
    plain_bytes(text, rest.ok_or(LinkError::Malformed { in_symbol })?);
    Ok(())
}

fn plain_bytes(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(16) {
        let numbers: Vec<String> = chunk.iter().map(|byte| format!("{byte:#04x}")).collect();
        let _ = writeln!(text, "\t.byte {}", numbers.join(", "));
    }
}
