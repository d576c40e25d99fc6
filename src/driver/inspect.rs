//! Commands that show what is in outputs.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::codegen::demangle::{demangle as readable, demangle_line};
use crate::interface::{Emitter, ExitStatus, print, sysroot};
use crate::metadata::{Format, ModuleFile, archive};
use crate::session::Target;
use crate::vfs::{System, describe};

use super::{error, fail};

/// `language demangle`: the symbols that are given, a line for each, or all those in the text on standard input.
pub(super) fn demangle(system: &dyn System, args: &[String], emitter: &mut dyn Emitter) -> u8 {
    let mut text = String::new();
    if args.is_empty() {
        let bytes = match system.read_stdin() {
            Ok(bytes) => bytes,
            Err(cause) => {
                let message = format!("cannot read standard input ({})", describe(&cause));
                return fail(emitter, vec![error(message)]);
            }
        };
        let input = String::from_utf8_lossy(&bytes);
        text.extend(input.split_inclusive('\n').map(demangle_line));
    }
    for symbol in args {
        match readable(symbol) {
            Some(name) => text.push_str(&name),
            None => text.push_str(symbol),
        }
        text.push('\n');
    }
    print(emitter, &text).code()
}

/// `language install-library`: makes the module file of the standard library where this compiler, or one with `--sysroot`, looks for it.
pub(super) fn install_library(
    system: &dyn System,
    args: &[String],
    emitter: &mut dyn Emitter,
) -> u8 {
    let root = match args {
        [] => None,
        [folder] if !folder.starts_with('-') => Some(Path::new(folder)),
        _ => {
            let message = "'language install-library' takes one folder, or none";
            return fail(emitter, vec![error(message)]);
        }
    };
    match sysroot::install(system, root, Target::HOST) {
        Ok(path) => print(emitter, &format!("Installed {}\n", path.display())).code(),
        Err(problem) => fail(emitter, vec![problem]),
    }
}

/// `language metadata`: what is in module files, archives and shared libraries.
pub(super) fn metadata(system: &dyn System, args: &[String], emitter: &mut dyn Emitter) -> u8 {
    let mut as_json = false;
    let mut paths = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--json" | "-json" => as_json = true,
            option if option.starts_with('-') => {
                let message = format!("unknown argument: '{option}'");
                return fail(emitter, vec![error(message)]);
            }
            path => paths.push(path),
        }
    }
    if paths.is_empty() {
        let message = "'language metadata' needs a module file or library";
        return fail(emitter, vec![error(message)]);
    }
    let mut status = ExitStatus::Success.code();
    for path in paths {
        let shown = match ModuleFile::open(system, Path::new(path)) {
            Ok(file) => {
                let summary = summary(system, &file);
                let text = match as_json {
                    true => format!("{summary:#}\n"),
                    false => to_text(&summary),
                };
                print(emitter, &text).code()
            }
            Err(problem) => fail(emitter, vec![error(problem.to_string())]),
        };
        status = status.max(shown);
    }
    status
}

/// Everything that is said about a file, in the order in which it is said.
fn summary(system: &dyn System, file: &ModuleFile) -> Value {
    let header = file.header();
    let format = match file.format() {
        Format::Module => "module",
        Format::Archive => "archive",
        Format::SharedLibrary => "shared library",
    };
    let bytes = |records: &mut dyn Iterator<Item = usize>| {
        let (count, bytes) = records.fold((0_u64, 0), |(n, sum), len| (n + 1, sum + len));
        json!({ "count": count, "bytes": bytes })
    };
    let members: Vec<Value> = match file.format() {
        Format::Archive => system
            .map(Path::new(file.path()))
            .ok()
            .and_then(|bytes| archive::members(&bytes).ok())
            .unwrap_or_default()
            .into_iter()
            .map(|member| json!({ "name": member.name, "bytes": member.range.len() }))
            .collect(),
        _ => Vec::new(),
    };
    let sources = header.sources.iter();
    let upstream = header.upstream.iter();
    json!({
        "file": file.path(),
        "format": format,
        "module": header.name,
        "compiler": crate::session::version_line(),
        "build": crate::session::BUILD_ID.to_hex(),
        "target": header.target,
        "stable_crate_id": header.stable_crate_id.to_hex(),
        "crate_metadata": header.crate_metadata,
        "svh": header.svh.to_hex(),
        "interface": header.interface.to_hex(),
        "has_mir": header.has_mir,
        "is_testable": header.is_testable,
        "sources": sources
            .map(|source| json!({ "path": source.path, "hash": source.hash.to_hex() }))
            .collect::<Vec<_>>(),
        "upstream": upstream
            .map(|other| {
                json!({
                    "module": other.name,
                    "stable_crate_id": other.stable_crate_id.to_hex(),
                    "svh": other.svh.to_hex(),
                    "interface": other.interface.to_hex(),
                    "is_direct": other.is_direct,
                    "is_reexported": other.is_reexported,
                })
            })
            .collect::<Vec<_>>(),
        "autolink": header.autolink,
        "records": bytes(&mut file.records().map(|(_, record)| record.len())),
        "code": bytes(&mut file.codes().map(|(_, record)| record.len())),
        "members": members,
    })
}

/// The summary for people: a line for each fact, and one for each entry of a list.
fn to_text(summary: &Value) -> String {
    let mut text = String::new();
    let Some(facts) = summary.as_object() else {
        return text;
    };
    for (name, value) in facts {
        let name = name.replace('_', " ");
        match value {
            Value::Array(entries) if entries.is_empty() => {}
            Value::Array(entries) => {
                let _ = writeln!(text, "{name}:");
                for entry in entries {
                    let _ = writeln!(text, "    {}", inline(entry));
                }
            }
            value => {
                let _ = writeln!(text, "{name}: {}", inline(value));
            }
        }
    }
    text
}

/// A value on one line. An entry begins with its name; switches are only mentioned where they are on.
fn inline(value: &Value) -> String {
    match value {
        // Names come from a file that anybody may have written, and must not control the terminal.
        Value::String(text) => text.chars().filter(|c| !c.is_control()).collect(),
        Value::Bool(on) => if *on { "yes" } else { "no" }.to_owned(),
        Value::Object(parts) => {
            let what = ["name", "path", "module"];
            let what = what.into_iter().find(|&key| parts.contains_key(key));
            let mut shown: Vec<String> = what.iter().map(|key| inline(&parts[*key])).collect();
            for (name, value) in parts {
                match value {
                    _ if Some(name.as_str()) == what => {}
                    Value::Bool(false) => {}
                    Value::Bool(true) => shown.push(name.trim_start_matches("is_").to_owned()),
                    _ => shown.push(format!("{} {}", name.replace('_', " "), inline(value))),
                }
            }
            shown.join(", ")
        }
        other => other.to_string(),
    }
}
