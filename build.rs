//! Builds the runtime that programs are linked with.
//!
//! The runtime (`src/runtime`) is not part of the compiler: it is compiled here, by calling `rustc` directly, because a cargo inside of a cargo would wait for locks and inherit
//! settings that are meant for the compiler. The results are embedded in the compiler by `src/link/runtime.rs`:
//!
//! * `runtime.image`: an executable with nothing but the runtime and the parts of libc that it needs, which programs are appended to;
//! * `runtime.symbols`: the addresses of what programs may call in it;
//! * `libcodira_runtime.a`: the same code for programs that a linker puts together.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSegment, ObjectSymbol};

#[path = "src/link/archive.rs"]
mod archive;

#[path = "build/unicode_tables.rs"]
mod unicode_tables;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.toml");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rerun-if-env-changed=CC");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo::rustc-env=CODIRA_BUILD_ID={}", build_id());
    // The compiler is started for every edit, and a program at a fixed address needs no relocations at its start.
    if env::var("TARGET").is_ok_and(|target| target.ends_with("linux-gnu")) {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    write_unicode_tables(&out);
    // Every edit of the compiler comes by here, for the build id; hardly any concerns the runtime.
    let stamp = out.join("runtime.stamp");
    let wanted = runtime_stamp();
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return;
    }
    // Without a stamp until all is written, so that an interrupted run is begun anew.
    let _ = fs::remove_file(&stamp);
    build_runtime(&out);
    fs::write(&stamp, wanted).expect("the output folder is writable");
}

/// What tells this build of the compiler from others: a hash of everything that it is compiled from. All programs of one build share it, so that what one of them
/// writes the others accept.
fn build_id() -> String {
    let variables = ["TARGET", "PROFILE", "OPT_LEVEL", "DEBUG"];
    hash_of(
        &["src", "build", "build.rs", "Cargo.toml", "Cargo.lock"],
        &variables,
    )
}

/// A hash of what the runtime is compiled from.
fn runtime_stamp() -> String {
    let sources = ["src/runtime", "src/link/archive.rs", "build.rs"];
    hash_of(&sources, &["TARGET", "CC", "RUSTC"])
}

/// 128 bits in hexadecimal about files, folders with all that is in them, and variables of the environment.
fn hash_of(paths: &[&str], variables: &[&str]) -> String {
    let mut files = Vec::new();
    for path in paths {
        files_below(Path::new(path), &mut files);
    }
    files.sort();
    let mut halves = [0_u8, 1].map(|half| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(half);
        hasher
    });
    for hasher in &mut halves {
        for name in variables {
            env::var_os(name).hash(hasher);
        }
    }
    for file in files {
        // A file that vanishes meanwhile has changed, and cargo comes by again.
        let bytes = fs::read(&file).unwrap_or_default();
        for hasher in &mut halves {
            file.hash(hasher);
            bytes.hash(hasher);
        }
    }
    let [low, high] = halves.map(|hasher| hasher.finish());
    format!("{high:016x}{low:016x}")
}

fn files_below(path: &Path, files: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries.flatten() {
                files_below(&entry.path(), files);
            }
        }
        Err(_) => files.push(path.to_owned()),
    }
}

/// Makes the runtime's image, symbols and library.
fn build_runtime(out: &Path) {
    let archive = compile(out);
    let exported = exported_symbols(&archive);
    let library = out.join("libcodira_runtime.a");
    if !prelink(&archive, &exported, out, &library) {
        fs::copy(&archive, &library).expect("the runtime's archive can be copied");
    }
    let image = out.join("runtime.image");
    let symbols = out.join("runtime.symbols");
    // A dynamic image is larger in memory and starts more slowly, but needs no static libc.
    if !(link_image(&library, &exported, true, &image, &symbols)
        || link_image(&library, &exported, false, &image, &symbols))
    {
        println!(
            "cargo::warning=no C compiler could link the runtime; programs will need a linker"
        );
        fs::write(&image, []).expect("the output folder is writable");
        fs::write(&symbols, []).expect("the output folder is writable");
    }
}

/// The tables depend on nothing but this program, so an existing file that is newer than it is good.
fn write_unicode_tables(out: &Path) {
    let tables = out.join("unicode_tables.rs");
    let modified = |path: &Path| {
        fs::metadata(path)
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    let program = env::current_exe().ok().and_then(|path| modified(&path));
    if program.is_none() || modified(&tables) <= program {
        fs::write(&tables, unicode_tables::generate()).expect("the output folder is writable");
    }
}

/// Compiles the runtime to a static library and gives its path.
fn compile(out: &Path) -> PathBuf {
    let archive = out.join("runtime_with_core.a");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    for variable in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_MAKEFLAGS",
        "MAKEFLAGS",
    ] {
        command.env_remove(variable);
    }
    command.args([
        "--edition=2024",
        "--crate-name=codira_runtime",
        "--crate-type=staticlib",
        "src/runtime/main.rs",
    ]);
    command.args([
        "-Copt-level=3",
        "-Cpanic=abort",
        "-Clto=fat",
        "-Ccodegen-units=1",
        "-Cforce-frame-pointers=yes",
    ]);
    // Position-independent code serves both routes: a linker turns what it can into direct references.
    command.args([
        "-Crelocation-model=pic",
        "-Cdebuginfo=0",
        "--cap-lints=warn",
    ]);
    command
        .arg("--target")
        .arg(env::var_os("TARGET").expect("cargo sets TARGET"));
    command.arg("-o").arg(&archive);
    run(&mut command).unwrap_or_else(|message| panic!("the runtime does not compile: {message}"));
    archive
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// What the runtime defines for programs.
fn exported_symbols(archive: &Path) -> BTreeSet<String> {
    let data = fs::read(archive).expect("the runtime's archive was written");
    let parsed = ArchiveFile::parse(&*data).expect("rustc writes well-formed archives");
    let mut names = BTreeSet::new();
    for member in parsed.members().flatten() {
        let Some(object) = member
            .data(&*data)
            .ok()
            .and_then(|data| object::File::parse(data).ok())
        else {
            continue;
        };
        let defined = object
            .symbols()
            .filter(|symbol| symbol.is_definition() && symbol.is_global());
        names.extend(
            defined
                .filter_map(|symbol| symbol.name().ok())
                .filter(|name| name.starts_with("codira_"))
                .map(str::to_owned),
        );
    }
    names
}

fn cc() -> OsString {
    env::var_os("CC").unwrap_or_else(|| OsStr::new("cc").to_owned())
}

/// Options that keep the runtime's interface although nothing refers to it yet.
fn keep(command: &mut Command, exported: &BTreeSet<String>) {
    command.arg("-Wl,--gc-sections");
    command.args(exported.iter().map(|name| format!("-Wl,-u,{name}")));
    command.arg("-Wl,-u,main");
}

/// Reduces the library to one object without what the runtime does not use of Rust's own libraries, which would otherwise
/// make up most of it. Linkers that cannot do that leave the whole library in place.
fn prelink(archive: &Path, exported: &BTreeSet<String>, out: &Path, library: &Path) -> bool {
    let object = out.join("runtime.o");
    let mut command = Command::new(cc());
    command
        .args(["-r", "-nostdlib", "-Wl,-S", "-o"])
        .arg(&object);
    keep(&mut command, exported);
    command.arg(archive);
    let Ok(()) = run(&mut command) else {
        return false;
    };
    let Ok(data) = fs::read(&object) else {
        return false;
    };
    let Ok(parsed) = object::File::parse(&*data) else {
        return false;
    };
    let defined: BTreeSet<&str> = parsed
        .symbols()
        .filter(|symbol| symbol.is_definition())
        .filter_map(|symbol| symbol.name().ok())
        .collect();
    exported.iter().all(|name| defined.contains(name.as_str()))
        && fs::write(library, archive::write_archive(&[("runtime.o", &data)])).is_ok()
}

/// Links the runtime to an executable at a fixed address and writes down where its functions are.
fn link_image(
    library: &Path,
    exported: &BTreeSet<String>,
    fixed: bool,
    image: &Path,
    symbols: &Path,
) -> bool {
    let linked = image.with_extension("linked");
    let mut command = Command::new(cc());
    command
        .arg(if fixed { "-static" } else { "-rdynamic" })
        .args([
            "-no-pie",
            "-Wl,--build-id=none",
            "-Wl,-z,norelro",
            "-Wl,-z,noseparate-code",
        ]);
    keep(&mut command, exported);
    command.arg("-o").arg(&linked).arg(library).arg("-lm");
    if let Err(message) = run(&mut command) {
        println!(
            "cargo::warning=linking the runtime ({}) failed: {}",
            if fixed { "static" } else { "dynamic" },
            message.lines().next().unwrap_or("")
        );
        return false;
    }
    let Ok(mut data) = fs::read(&linked) else {
        return false;
    };
    let Ok(parsed) = object::File::parse(&*data) else {
        return false;
    };
    let mut text = String::new();
    for symbol in parsed.symbols().filter(ObjectSymbol::is_definition) {
        let Ok(name) = symbol.name() else { continue };
        if exported.contains(name) {
            text.push_str(&format!(
                "{:x} {:x} {name}\n",
                symbol.address(),
                symbol.size()
            ));
            if let Some(plain) = name.strip_prefix("codira_c_") {
                text.push_str(&format!(
                    "{:x} {:x} {plain}\n",
                    symbol.address(),
                    symbol.size()
                ));
            }
        }
    }
    // Sections and symbols end the file; programs get their own.
    let end = parsed
        .segments()
        .map(|segment| segment.file_range())
        .map(|(offset, size)| offset + size)
        .max();
    data.truncate(end.unwrap_or(0) as usize);
    fs::write(image, data).is_ok() && fs::write(symbols, text).is_ok()
}
