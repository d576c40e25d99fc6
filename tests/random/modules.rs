//! A package's modules as somebody compiles them who calls the compiler for each: with folders of modules and without a build tool.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::Random;
use super::packages::Package;

const LIBRARIES: [&str; 4] = ["Base", "Middle", "Other", "Top"];

/// Sources, the libraries that were made from them at some time, and two folders that the same commands are run in.
pub struct Modules {
    pub folder: tempfile::TempDir,
    package: Package,
    options: Vec<&'static str>,
}

impl Modules {
    pub fn new() -> Modules {
        let modules = Modules {
            folder: tempfile::tempdir().unwrap(),
            package: Package::new(),
            options: Vec::new(),
        };
        for folder in ["warm", "clean", "early", "modules"] {
            fs::create_dir(modules.path(folder)).unwrap();
        }
        // Debug information names the folder that a command is run in, so that this is the same one.
        for side in ["warm", "clean"] {
            let modules_of = LIBRARIES.iter().chain(&["app"]);
            let files = modules_of.flat_map(|module| {
                let lower = module.to_lowercase();
                ["shapes", "others", "more", "main", &lower]
                    .map(|file| format!("\"Sources/{module}/{file}.code\": {{\"object\": \"{side}/{module}-{file}.o\"}}"))
            });
            let map = format!("{{{}}}", files.collect::<Vec<_>>().join(", "));
            fs::write(modules.path(&format!("{side}.json")), map).unwrap();
        }
        modules
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The sources of a module as commands name them.
    fn sources(&self, module: &str) -> Vec<String> {
        let files = self.package.files().into_iter().map(|(name, _)| name);
        let own = files.filter(|name| name.starts_with(&format!("Sources/{module}/")));
        own.collect()
    }

    fn compiler(&self, module: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_languagec"));
        command
            .current_dir(self.folder.path())
            .args(["-module-name", module, "-I", "early", "-I", "modules"])
            .args(self.sources(module))
            .args(&self.options)
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
        if module != "app" {
            command.arg("-parse-as-library");
        }
        command
    }

    /// Edits a file, makes libraries of what compiles, and does something to libraries. Says what.
    pub fn step(&mut self, random: &mut Random) -> String {
        let mut what = self.package.step(random);
        for (name, text) in self.package.files() {
            let path = self.path(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                fs::write(path, text).unwrap();
            }
        }
        if random.below(20) == 0 {
            let option = ["-O", "-DFLAG", "-g"][random.below(3)];
            match self.options.iter().position(|&known| known == option) {
                Some(at) => drop(self.options.remove(at)),
                None => self.options.push(option),
            }
            what = format!("{what}, and {option}");
        }
        for library in LIBRARIES {
            // Somebody may forget one.
            if random.below(10) == 0 {
                what = format!("{what}, {library} forgotten");
                continue;
            }
            let module = format!("modules/{library}.codemodule");
            let archive = format!("modules/lib{library}.a");
            let mut compiler = self.compiler(library);
            compiler.args([
                "-emit-library",
                "-static",
                "-emit-module",
                "-emit-module-path",
            ]);
            compiler.args([&module, "-o", &archive]).output().unwrap();
        }
        let library = LIBRARIES[random.below(LIBRARIES.len())];
        let module = self.path(&format!("modules/{library}.codemodule"));
        let early = self.path(&format!("early/{library}.codemodule"));
        let archive = self.path(&format!("modules/lib{library}.a"));
        let files = [&module, &archive];
        let file = files[random.below(2)];
        match random.below(24) {
            0 => drop(fs::remove_file(file)),
            1 => {
                let mut bytes = fs::read(file).unwrap_or_default();
                let at = random.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1;
                    fs::write(file, bytes).unwrap();
                }
            }
            // The same content in another file.
            2 => {
                if let Ok(bytes) = fs::read(file) {
                    fs::write(file, bytes).unwrap();
                }
            }
            // Copies that are found first, and that grow old.
            3 | 4 => drop(fs::copy(&module, &early)),
            // One that proves to be nothing.
            5 => fs::write(&early, "nothing").unwrap(),
            _ => return what,
        }
        what = format!("{what}, and something with {library}");
        what
    }

    /// Forgets the copies that are found first: most of what they lead to is errors.
    pub fn tidy(&self) {
        fs::remove_dir_all(self.path("early")).unwrap();
        fs::create_dir(self.path("early")).unwrap();
    }

    /// Compiles a module in a folder, into objects or a program.
    pub fn compile(&self, module: &str, side: &str, more: &[&str]) -> Output {
        let mut compiler = self.compiler(module);
        match module {
            "app" => compiler.args(["-L", "modules", "-o", &format!("{side}/app.exe")]),
            _ => compiler.args(["-c", "-output-file-map", &format!("{side}.json")]),
        };
        compiler.args(more).output().unwrap()
    }

    /// The objects and programs in a folder.
    pub fn outputs(&self, side: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(side)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let is_output = |path: &PathBuf| path.extension().is_some_and(|e| e == "o" || e == "exe");
        paths.filter(is_output).collect()
    }
}
