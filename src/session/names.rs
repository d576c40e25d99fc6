//! The module's name: given, or derived from what is made.

use std::path::Path;

use crate::diag::Diagnostic;

use super::options::{Mode, Options};

/// Whether `text` can be written as an identifier.
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    let starts = |c: char| c == '_' || unicode_ident::is_xid_start(c);
    let continues = |c: char| c == '_' || unicode_ident::is_xid_continue(c);
    chars.next().is_some_and(starts) && chars.all(continues)
}

/// The module's name: `given` with `-module-name`, or the stem of the output, or that of the only input.
/// Programs whose files have no usable name are called `main`.
pub fn module_name(options: &Options, given: Option<&str>) -> Result<String, Diagnostic> {
    let untracked = &options.untracked;
    let is_reserved = |name: &str| name == "Codira" || name == "Builtin";
    let is_fine = |name: &str| is_identifier(name) && !is_reserved(name);
    if let Some(name) = given {
        return match is_fine(name) {
            true => Ok(name.to_owned()),
            false => Err(bad_name(name, is_reserved(name), "")),
        };
    }
    let derived = match (&untracked.output, untracked.inputs.as_slice()) {
        (Some(output), _) => stem(output, untracked.mode),
        (None, [input]) => stem(input, Mode::EmitExecutable),
        (None, _) => String::new(),
    };
    if is_fine(&derived) {
        return Ok(derived);
    }
    let makes_program = match untracked.mode {
        Mode::EmitLibrary | Mode::EmitModule => false,
        Mode::EmitObject | Mode::EmitIr | Mode::EmitBitcode | Mode::EmitAssembly => {
            untracked.inputs.len() == 1 && !options.tracked.parse_as_library
        }
        _ => true,
    };
    if makes_program {
        return Ok("main".to_owned());
    }
    let hint = "; use -module-name flag to specify an alternate name";
    Err(bad_name(&derived, is_reserved(&derived), hint))
}

/// A file's name without folders and ending; a library's without the `lib` in front.
fn stem(path: &str, mode: Mode) -> String {
    let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
    let stem = stem.unwrap_or_default();
    let plain = match mode {
        Mode::EmitLibrary => stem.strip_prefix("lib").unwrap_or(stem),
        _ => stem,
    };
    plain.to_owned()
}

fn bad_name(name: &str, reserved: bool, hint: &str) -> Diagnostic {
    let reason = match reserved {
        true => "is reserved for the standard library",
        false => "is not a valid identifier",
    };
    let message = format!("module name \"{name}\" {reason}{hint}");
    Diagnostic::global_error("module-name", message)
}
