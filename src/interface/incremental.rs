//! Builds that find out that there is nothing to do.
//!
//! A build that was given a place for it leaves a [`Manifest`] of what it read, wrote and said. The next build with the same command looks at those
//! files first. Only a build that succeeded leaves one, and the one before stays until then: what a failed or killed build has changed differs from it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::base::{Fingerprint, FxHashMap, StableHash, StableHasher};
use crate::diag::{Diagnostic, FileKey, FileList, Report, Severity};
use crate::items::outline::outline_fingerprint;
use crate::items::records::{places, tree_key};
use crate::session::{BUILD_ID, ColorChoice, DebugInfo, Mode, Options, OutputFileMap};
use crate::store::manifest::{FileFacts, Fresh, Manifest, Stamp, UsedModules};
use crate::store::{self, records::Records};
use crate::vfs::{OutputKind, System};

use super::changes::Rebuild;
use super::imported::{self, Change};
use super::linking::asks_for_linker;
use super::program::{ProgramPlace, Restoring, state_of};
use super::remarks::{self, Fate, Moment};
use super::reuse::{Program, stays_in};
use super::{Compiler, Config, Emitter, Outcome, ReadInputs, emit_global};

/// The place and the command of a build that the next one can learn from.
pub(super) struct BuildRecord {
    place: PathBuf,
    build: Fingerprint,
    command: Fingerprint,
    /// The same without the list of files.
    settings: Fingerprint,
    /// The time before the first input is read.
    started: SystemTime,
    /// What the last build left, or why nothing of it holds.
    known: Result<Manifest, &'static str>,
    /// Which inputs have another content than they had then.
    changed: Vec<bool>,
    /// How the modules that are imported differ from what they were then.
    modules: Change,
    /// The program that the last build made, which another thread reads.
    restoring: Option<Restoring>,
    /// What is known about files.
    pub(super) records: Arc<Records>,
}

impl BuildRecord {
    /// The build that the options ask for, if it is one that leaves a manifest.
    pub(super) fn new(
        config: &Config,
        file_map: &OutputFileMap,
        emitter: &mut dyn Emitter,
    ) -> Option<BuildRecord> {
        let (options, system) = (&config.options, &*config.system);
        let asked = &options.untracked;
        let made = matches!(
            asked.mode,
            Mode::EmitExecutable | Mode::EmitObject | Mode::Typecheck
        );
        // What a linker finds by itself is not known. Modules are, and those may be named like libraries.
        let closed = asked.link_inputs.is_empty() && options.tracked.link_libraries.is_empty()
            || !asks_for_linker(options, system);
        let stable = !asked.inputs.iter().any(|input| input == "-") && !asked.save_temps;
        if !made || !closed || !stable {
            return None;
        }
        if options.tracked.whole_module && asked.incremental && asked.cache_path.is_none() {
            let message = "Incremental compilation has been disabled: it is not compatible with whole module optimization";
            let remark = Diagnostic::new(Severity::Remark, "incremental", message);
            emit_global(emitter, options, vec![remark]);
            return None;
        }
        let (command, settings) = command(options, file_map, system)?;
        let place = match (&asked.cache_path, asked.incremental) {
            (Some(folder), _) => Path::new(folder).join(place_name(options, system)?),
            (None, true) => match file_map.whole_module("language-dependencies") {
                Some(path) => PathBuf::from(path),
                // Without any map the command line has been told so.
                None if asked.output_file_map.is_none() => return None,
                None => {
                    let message = "ignoring -incremental; output file map has no master dependencies entry (\"language-dependencies\" under \"\")";
                    let warning = Diagnostic::new(Severity::Warning, "incremental", message);
                    emit_global(emitter, options, vec![warning]);
                    return None;
                }
            },
            (None, false) => return None,
        };
        let build = BUILD_ID;
        let mut name = place.as_os_str().to_owned();
        name.push(".files");
        Some(BuildRecord {
            records: Arc::new(Records::open(system, Path::new(&name), build)),
            known: match Manifest::load(system, &place, build) {
                Some(manifest) => Ok(manifest),
                None if system.exists(&place) => Err("the record is damaged"),
                None => Err("there is no record of an earlier build"),
            },
            place,
            build,
            command,
            settings,
            changed: Vec::new(),
            modules: Change::Nothing,
            restoring: None,
            started: system.now(),
        })
    }

    /// Whether everything is as the last build left it. Then what that build said is said again.
    pub(super) fn is_current(
        &mut self,
        config: &Config,
        file_map: &OutputFileMap,
        emitter: &mut dyn Emitter,
    ) -> bool {
        let system = &*config.system;
        let started = self.started;
        let inputs = &config.options.untracked.inputs;
        let mut lines: Vec<String> = Vec::new();
        let mut current = false;
        self.changed = vec![true; inputs.len()];
        match &mut self.known {
            Ok(manifest) if manifest.settings != self.settings.0 => {
                lines.push("Incremental compilation has been disabled, because different arguments were passed to the compiler".into());
                self.known = Err("different arguments were passed to the compiler");
            }
            Ok(manifest) => {
                current = manifest.command == self.command.0;
                let mut read = false;
                let stamps = manifest.inputs.iter_mut();
                let mut stamps: FxHashMap<String, &mut Stamp> =
                    stamps.map(|stamp| (stamp.path.clone(), stamp)).collect();
                for (input, changed) in inputs.iter().zip(&mut self.changed) {
                    let fresh = match stamps.get_mut(input) {
                        Some(stamp) => stamp.check(system, started),
                        None => Fresh::Changed,
                    };
                    read |= fresh == Fresh::SameContent;
                    *changed = fresh == Fresh::Changed;
                    current &= !*changed;
                    let job = remarks::job(file_map, input);
                    lines.push(match changed {
                        true => format!("Scheduling changed input  {job}"),
                        false => format!("May skip current input:  {job}"),
                    });
                }
                let options = &config.options;
                if current
                    && !imported::is_current(
                        &mut manifest.modules,
                        options,
                        system,
                        started,
                        &mut read,
                    )
                {
                    current = false;
                    lines.push("Scheduling all inputs, because imported modules changed".into());
                }
                // Outputs that are made again anyway need not be read.
                let wanted = current || config.options.untracked.show_incremental;
                let outputs = manifest.outputs.iter_mut().filter(|_| wanted);
                for stamp in outputs {
                    let fresh = stamp.check(system, started);
                    read |= fresh == Fresh::SameContent;
                    if fresh == Fresh::Changed {
                        current = false;
                        let is_object = |input: &&String| {
                            file_map.get(input, "object") == Some(stamp.path.as_str())
                        };
                        let what = match inputs.iter().find(is_object) {
                            Some(input) => remarks::job(file_map, input),
                            None => format!("{{{}}}", stamp.path),
                        };
                        lines.push(format!("Missing an output; will queue  {what}"));
                    }
                }
                if current && read {
                    // So that the files need not be read again.
                    manifest.save(system, &self.place, self.build);
                }
            }
            Err(_) => {}
        }
        for (input, changed) in inputs.iter().zip(&self.changed) {
            let job = remarks::job(file_map, input);
            match changed {
                true => lines.push(format!("Queuing (initial):  {job}")),
                false if current => lines.push(format!("Skipping input:  {job}")),
                false => {}
            }
        }
        remarks::incremental(emitter, &config.options, lines);
        let manifest = self.known.as_ref().ok().filter(|_| current);
        let done = manifest.is_some_and(|manifest| replay(manifest, config, emitter));
        if done {
            self.mark_used(system);
            let fates = vec![Fate::Skipped; inputs.len()];
            remarks::lifecycle(emitter, &config.options, Some(&fates), Moment::Starting);
        }
        done
    }

    /// Records are collected by age, and builds that only read one leave its times alone. Once a day is often enough.
    fn mark_used(&self, system: &dyn System) {
        const DAY: i128 = 86_400_000_000_000;
        let since = self.started.duration_since(SystemTime::UNIX_EPOCH);
        let now = since.unwrap_or_default().as_nanos() as i128;
        if let Ok(data) = system.metadata(&self.place)
            && data.modified < now - DAY
        {
            let _ = system.touch(&self.place);
        }
    }

    /// What the last build left, if anything of it holds.
    pub(super) fn known(&self) -> Option<&Manifest> {
        self.known.as_ref().ok()
    }

    /// What happens to each input.
    pub(super) fn fates(&self, rebuild: &Rebuild) -> Vec<Fate> {
        remarks::fates(rebuild, &self.changed)
    }

    /// What has to be asked again about the module as it is now.
    pub(super) fn rebuild(
        &mut self,
        compiler: &Compiler,
        modules: Option<&UsedModules>,
    ) -> Rebuild {
        let (db, unit) = (&compiler.db, compiler.unit);
        match &self.known {
            Ok(manifest) => {
                let modules = modules.ok_or_else(|| "imported modules changed".to_owned());
                let change =
                    modules.map(|now| imported::change(&manifest.modules, now, &compiler.modules));
                self.modules = change.unwrap_or_else(Change::Interfaces);
                if let Change::Interfaces(reason) = &self.modules {
                    return Rebuild::everything(db, unit, reason.clone());
                }
                let paths = manifest.inputs.iter().map(|stamp| stamp.path.as_str());
                Rebuild::since(db, unit, &paths.collect::<Vec<_>>(), &manifest.files)
            }
            Err(reason) => Rebuild::everything(db, unit, (*reason).to_owned()),
        }
    }

    /// The program that the last build made, without what has to be made again.
    /// An error is the reason why there is none.
    pub(super) fn program(
        &mut self,
        compiler: &Compiler,
        rebuild: &Rebuild,
    ) -> Result<Program, &'static str> {
        self.known.as_ref().map_err(|reason| *reason)?;
        if rebuild.everything.is_some() {
            return Err("every file was checked");
        }
        if self.modules != Change::Nothing {
            return Err("the code of imported modules changed");
        }
        let stale = rebuild.files.iter().flat_map(|file| &file.stale);
        let files = compiler.unit.files(&compiler.db).iter();
        let changed = files
            .zip(&rebuild.files)
            .filter(|(_, file)| file.is_changed);
        let restoring = self.restoring.take();
        Ok(Program::restored(
            restoring.ok_or("there is no record of the program")?,
            stale.map(|(def, _)| *def).collect(),
            changed.map(|(&file, _)| file).collect(),
        ))
    }

    /// Begins to read the program that the last build made, beside everything else.
    pub(super) fn start_restoring(&mut self, config: &Config) {
        let Ok(known) = &self.known else {
            return;
        };
        let settings = self.settings.combine(imported::state(&known.modules));
        let state = state_of(settings, known.files.iter().map(|file| file.key));
        let place = self.program_place();
        let threads = config.options.untracked.jobs;
        self.restoring = Some(Restoring::start(
            place,
            state,
            self.image_on_disk(&config.options),
            &config.system,
            threads != 1,
        ));
    }

    /// The stamp of the program that the last build wrote, if it is one that can be changed: debug information is made as a whole.
    fn image_on_disk(&self, options: &Options) -> Option<Stamp> {
        let is_plain = options.untracked.mode == Mode::EmitExecutable
            && options.tracked.debug_info == DebugInfo::None;
        let path = options.output_path().filter(|_| is_plain)?;
        let outputs = &self.known.as_ref().ok()?.outputs;
        outputs.iter().find(|stamp| stamp.path == path).cloned()
    }

    /// Where the program of this module as it is now belongs.
    pub(super) fn program_place_of(
        &self,
        compiler: &Compiler,
        modules: Option<&UsedModules>,
    ) -> Option<(ProgramPlace, Fingerprint)> {
        let (db, unit) = (&compiler.db, compiler.unit);
        let keys = db.par_map(unit.files(db), |db, &file| tree_key(db, file));
        let keys: Vec<Fingerprint> = keys.into_iter().collect::<Option<_>>()?;
        let settings = self.settings.combine(imported::state(modules?));
        let state = state_of(settings, keys.into_iter());
        Some((self.program_place(), state))
    }

    fn program_place(&self) -> ProgramPlace {
        ProgramPlace {
            place: self.place.clone(),
            build: self.build,
        }
    }

    /// What the last build knew about files. A key follows from the file's path too.
    fn facts_by_key(&self) -> FxHashMap<Fingerprint, &FileFacts> {
        let known = self.known.as_ref().map_or(&[][..], |known| &known.files);
        known.iter().map(|facts| (facts.key, facts)).collect()
    }

    /// What is known about each file after a build.
    fn facts(
        &self,
        compiler: &Compiler,
        outcome: &Outcome,
        number: &(dyn Fn(FileKey) -> Option<FileKey> + Sync),
    ) -> Option<Vec<FileFacts>> {
        let db = &compiler.db;
        let files = compiler.unit.files(db);
        let known = self.facts_by_key();
        let indices: Vec<usize> = (0..files.len()).collect();
        let facts = db.par_map(&indices, |db, &index| {
            let file = *files.get(index)?;
            let key = tree_key(db, file)?;
            let outline = match known.get(&key) {
                Some(known) => known.outline,
                None => outline_fingerprint(db, file)?,
            };
            // Places in other files move without notice.
            let found = outcome.findings.get(index)?;
            let stays = found.iter().all(|d| stays_in(d, file.into()));
            let found = found.iter().filter(|_| stays);
            let found = found.map(|d| d.clone().with_files(number));
            Some(FileFacts {
                key,
                outline,
                findings: found.collect::<Option<Vec<_>>>().filter(|_| stays),
                markers: file.source(db).markers(),
            })
        });
        facts.into_iter().collect()
    }

    /// Writes the files that the map names for what other files may depend on, where they are not there or not up to date. Nothing reads them but
    /// build systems that want to see them.
    fn write_dependencies(&self, compiler: &Compiler, manifest: &Manifest) {
        let system = &*compiler.system;
        let known = self.facts_by_key();
        let inputs = compiler.options.untracked.inputs.iter();
        for (input, facts) in inputs.zip(&manifest.files) {
            let place = compiler.file_map.get(input, "language-dependencies");
            let Some(place) = place.map(Path::new) else {
                continue;
            };
            let same = known.contains_key(&facts.key);
            if !same || !system.exists(place) {
                let (key, outline) = (facts.key, facts.outline);
                let text = format!("codira dependencies\ntext {key}\ninterface {outline}\n");
                let _ = system.write(place, text.as_bytes(), OutputKind::Data);
            }
        }
    }

    /// Writes down what a successful build read, wrote and said. What does not hold any more is written down by the next build.
    pub(super) fn write(&self, compiler: &Compiler, read: ReadInputs, outcome: &Outcome) {
        let system = &*compiler.system;
        let manifest = || {
            let files = compiler.unit.files(&compiler.db);
            let numbers = (0..)
                .zip(files)
                .map(|(n, &file)| (FileKey::from(file), FileKey(n)));
            let numbers: FxHashMap<FileKey, FileKey> = numbers.collect();
            let number = |key: FileKey| numbers.get(&key).copied();
            let diagnostics = outcome.report.diagnostics.iter().cloned();
            let now = system.now();
            let outputs = outcome.made.iter().map(|made| {
                let stamp = Stamp::of_output(&made.path, made.written?, made.content, now);
                Some(stamp.with_pieces(made.pieces.clone()))
            });
            Some(Manifest {
                command: self.command.0,
                settings: self.settings.0,
                inputs: read.stamps.into_iter().collect::<Option<_>>()?,
                modules: read.modules?,
                outputs: outputs.collect::<Option<_>>()?,
                diagnostics: diagnostics
                    .map(|diagnostic| diagnostic.with_files(number))
                    .collect::<Option<_>>()?,
                files: self.facts(compiler, outcome, &number).unwrap_or_default(),
            })
        };
        let db = &compiler.db;
        let files = compiler.unit.files(db);
        let wanted = db.par_map(files, |db, &file| places(db, file));
        let grown = self.records.save(system, self.build, &wanted.concat());
        if let Some(manifest) = manifest() {
            manifest.save(system, &self.place, self.build);
            self.write_dependencies(compiler, &manifest);
        }
        if let (true, Some(folder)) = (grown, &compiler.options.untracked.cache_path) {
            store::collect(system, Path::new(folder), store::MAX_FOLDER);
        }
    }
}

/// Shows a build's diagnostics again. Returns whether that was possible.
fn replay(manifest: &Manifest, config: &Config, emitter: &mut dyn Emitter) -> bool {
    let mut files = FileList::new();
    let mentions = |at: usize, diagnostic: &Diagnostic| {
        let mut found = false;
        let look = |key: FileKey| {
            found |= key.0 == at as u64;
            Some(key)
        };
        diagnostic.clone().with_files(look).is_some() && found
    };
    for (at, input) in manifest.inputs.iter().enumerate() {
        // Only what is shown is read.
        let shown = manifest.diagnostics.iter().any(|d| mentions(at, d));
        let text = match shown {
            true => crate::vfs::read_source(&*config.system, &input.path).ok(),
            false => Some("".into()),
        };
        let Some(text) = text else {
            return false;
        };
        files.add(&input.path, &text);
    }
    let report = Report {
        errors: 0,
        warnings: manifest.diagnostics.len(),
        diagnostics: manifest.diagnostics.clone(),
    };
    emitter.report(&report, &files, &config.options);
    true
}

/// The fingerprint of what decides about a build besides the contents of its inputs, and that of everything of it but which files these are. Options count
/// unless they are known not to, so that none can be forgotten.
fn command(
    options: &Options,
    file_map: &OutputFileMap,
    system: &dyn System,
) -> Option<(Fingerprint, Fingerprint)> {
    let mut options = options.clone();
    let asked = &mut options.untracked;
    asked.jobs = 0;
    asked.verbose = false;
    asked.time_passes = false;
    asked.show_incremental = false;
    asked.show_lifecycle = false;
    asked.explain_rebuild = false;
    asked.color = ColorChoice::Auto;
    asked.module_cache_path = None;
    let folder = system.current_dir().ok()?;
    let hash = |text: String| {
        let mut hasher = StableHasher::new();
        text.stable_hash(&mut hasher);
        let folder = folder.as_os_str().as_encoded_bytes();
        folder.stable_hash(&mut hasher);
        hasher.finish()
    };
    let command = hash(format!("{options:?}{file_map:?}"));
    let output = options.output_path();
    options.untracked.inputs.clear();
    let module = file_map.of_module();
    let settings = hash(format!("{options:?}{output:?}{module:?}"));
    Some((command, settings))
}

/// The name of a build's manifest among those of other builds.
fn place_name(options: &Options, system: &dyn System) -> Option<String> {
    let mut hasher = StableHasher::new();
    let folder = system.current_dir().ok()?;
    folder
        .as_os_str()
        .as_encoded_bytes()
        .stable_hash(&mut hasher);
    format!("{:?}", options.untracked.mode).stable_hash(&mut hasher);
    options.output_path().stable_hash(&mut hasher);
    // Modules of several files keep their place when files come and go.
    let inputs = &options.untracked.inputs;
    let alone = inputs.first().filter(|_| inputs.len() == 1);
    alone.stable_hash(&mut hasher);
    let module = options.tracked.module_name;
    Some(format!("{module}-{}.codedeps", hasher.finish().to_hex()))
}
