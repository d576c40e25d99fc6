//! `language new`: a package that builds, runs and passes its test.

use std::path::Path;

use crate::diag::Diagnostic;
use crate::session::names::is_identifier;
use crate::vfs::{OutputKind, System};

use super::load::module_name;
use super::manifest::{FILE_NAME, is_package_name};

/// Makes the folder `path` with a package that is called like it.
pub fn new(system: &dyn System, path: &str, library: bool) -> Result<String, Diagnostic> {
    let error = |message: String| Diagnostic::global_error("new", message);
    let folder = Path::new(path);
    let name = folder.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        return Err(error(format!("'{path}' does not name a new folder")));
    };
    if !is_package_name(name) {
        let message = format!(
            "'{name}' cannot be a package's name, which begins with a letter and consists of letters, digits, '-', '_' and '.'"
        );
        return Err(error(message));
    }
    let module = module_name(name);
    if !is_identifier(&module) || matches!(module.as_str(), "Codira" | "Builtin" | "Swift") {
        return Err(error(format!("'{name}' cannot be a module's name")));
    }
    if system.exists(folder) {
        return Err(error(format!("'{path}' exists already")));
    }
    let files = match library {
        true => library_files(name, &module),
        false => program_files(name, &module),
    };
    for (file, text) in &files {
        let target = folder.join(file);
        let written = match target.parent() {
            Some(parent) => system.create_dir_all(parent),
            None => Ok(()),
        };
        let written =
            written.and_then(|()| system.write(&target, text.as_bytes(), OutputKind::Data));
        if let Err(cause) = written {
            let reason = crate::vfs::describe(&cause);
            let message = format!("cannot write '{}' ({reason})", target.display());
            return Err(error(message));
        }
    }
    Ok(name.to_owned())
}

type Files = Vec<(String, String)>;

fn common(name: &str) -> Files {
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
    vec![
        (FILE_NAME.to_owned(), manifest),
        (".gitignore".to_owned(), "/.build\n".to_owned()),
    ]
}

/// A program whose work is done by a library, which tests can import.
fn program_files(name: &str, module: &str) -> Files {
    let library = format!("{}Core", capitalised(module));
    let mut files = common(name);
    files.push((
        format!("Sources/{module}/main.code"),
        format!("import {library}\n\nprint(greeting(for: \"world\"))\n"),
    ));
    add_library(&library, &mut files);
    files
}

fn library_files(name: &str, module: &str) -> Files {
    let mut files = common(name);
    add_library(module, &mut files);
    files
}

fn add_library(library: &str, files: &mut Files) {
    files.push((
        format!("Sources/{library}/Greeting.code"),
        "/// A friendly sentence.\npublic fn greeting(for name: String) -> String {\n    return \"Hello, \\(name)!\"\n}\n"
            .to_owned(),
    ));
    files.push((
        format!("Tests/{library}Tests/GreetingTests.code"),
        format!(
            "import {library}\n\n@Test fn greetingNamesTheGuest() {{\n    expectEqual(greeting(for: \"Ada\"), \"Hello, Ada!\")\n}}\n"
        ),
    ));
}

/// A module's name as that of a type.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
