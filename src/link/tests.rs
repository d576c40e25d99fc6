//! Programs assembled by hand, linked through both routes and run.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use super::image::{ImageOptions, write_image};
use super::linker::{LinkJob, link};
use super::memory_image::MemoryImage;
use super::object_file::write_object;
use super::{LinkError, archive};
use crate::codegen::blob::{
    DataBlob, FunctionBlob, LineKey, LineReloc, Linkage, Reloc, RelocKind, SymbolName,
};
use crate::codegen::record::ProgramRecord;
use crate::vfs::{OsSystem, OutputKind, System};

/// A small assembler for x86-64.
#[derive(Default)]
struct Assembler {
    blob: FunctionBlob,
}

impl Assembler {
    fn new(symbol: &str) -> Self {
        Assembler {
            blob: FunctionBlob {
                symbol: symbol.into(),
                ..Default::default()
            },
        }
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.blob.code.extend_from_slice(bytes);
        self
    }

    /// An instruction that ends with the distance to a symbol.
    fn relative(mut self, opcode: &[u8], target: &str) -> Self {
        self.blob.code.extend_from_slice(opcode);
        let offset = self.blob.code.len() as u32;
        let reloc = Reloc {
            offset,
            kind: RelocKind::PcRel32,
            target: target.into(),
            addend: -4,
        };
        self.blob.relocs.push(reloc);
        self.bytes(&[0; 4])
    }

    fn call(self, target: &str) -> Self {
        self.relative(&[0xe8], target)
    }

    /// `lea rdi, [target]`
    fn first_argument(self, target: &str) -> Self {
        self.relative(&[0x48, 0x8d, 0x3d], target)
    }

    /// `mov esi, value`
    fn second_argument(self, value: u32) -> Self {
        self.bytes(&[0xbe]).bytes(&value.to_le_bytes())
    }

    fn enter(self) -> Self {
        self.bytes(&[0x55, 0x48, 0x89, 0xe5])
    }

    fn leave(self) -> FunctionBlob {
        self.bytes(&[0x5d, 0xc3]).blob
    }
}

fn text(symbol: &str, text: &str) -> DataBlob {
    DataBlob {
        symbol: symbol.into(),
        bytes: text.into(),
        ..Default::default()
    }
}

fn printing(symbol: &str, target: &str, length: usize) -> FunctionBlob {
    Assembler::new(symbol)
        .enter()
        .first_argument(target)
        .second_argument(length as u32)
        .call("codira_print_bytes")
        .leave()
}

fn hello() -> (Vec<FunctionBlob>, Vec<DataBlob>) {
    let main = Assembler::new("codira_program_main")
        .enter()
        .call("hello")
        .call("hello")
        .leave();
    (
        vec![main, printing("hello", "greeting", 6)],
        vec![text("greeting", "hello\n")],
    )
}

fn no_lines(_: LineKey) -> u32 {
    0
}

fn build(functions: &[FunctionBlob], data: &[DataBlob]) -> Result<Vec<u8>, LinkError> {
    let record = ProgramRecord::of_blobs(functions, data, |key| key.expr + 100);
    let record = record.map_err(LinkError::Duplicate)?;
    write_image(&record, &ImageOptions::default())
}

fn run(image: &[u8]) -> Output {
    let image = MemoryImage::new("test", image).expect("memory files work");
    Command::new(image.path())
        .output()
        .expect("the image can be started")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("output is text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("output is text")
}

#[test]
fn image_runs() {
    let (functions, data) = hello();
    let image = build(&functions, &data).expect("the program is complete");
    let output = run(&image);
    assert_eq!(
        (stdout(&output), output.status.code()),
        ("hello\nhello\n", Some(0)),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        image,
        build(&functions, &data).expect("the program is complete"),
        "images are reproducible"
    );
}

#[test]
fn image_file_replaces_the_old_one() {
    let folder = tempfile::tempdir().expect("temporary folders work");
    let path = folder.path().join("program");
    for greeting in ["first", "other"] {
        let main = printing("codira_program_main", "greeting", 5);
        let image = build(&[main], &[text("greeting", greeting)]).expect("the program is complete");
        OsSystem
            .write(&path, &image, OutputKind::Executable)
            .expect("the folder is writable");
        let output = Command::new(&path)
            .output()
            .expect("the image can be started");
        assert_eq!(stdout(&output), greeting);
    }
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder exists")
        .collect();
    assert_eq!(left.len(), 1, "nothing temporary stays: {left:?}");
}

#[test]
fn data_of_all_kinds() {
    // A pointer in constant data, a variable with a value, and one without.
    let pointer = Reloc {
        offset: 8,
        kind: RelocKind::Abs64,
        target: "letters".into(),
        addend: 1,
    };
    let constant = DataBlob {
        symbol: "constant".into(),
        bytes: vec![0; 16],
        align: 8,
        relocs: vec![pointer],
        ..Default::default()
    };
    let variable = DataBlob {
        symbol: "variable".into(),
        bytes: b"....".to_vec(),
        align: 8,
        writable: true,
        ..Default::default()
    };
    let zero = DataBlob {
        symbol: "zero".into(),
        zero_size: 1 << 20,
        align: 4096,
        writable: true,
        ..Default::default()
    };
    let main = Assembler::new("codira_program_main")
        .enter()
        .relative(&[0x48, 0x8d, 0x05], "constant") // lea rax, [constant]
        .bytes(&[0x48, 0x8b, 0x40, 0x08]) // mov rax, [rax + 8]
        .bytes(&[0x8b, 0x00]) // mov eax, [rax]
        .first_argument("variable")
        .bytes(&[0x89, 0x07]) // mov [rdi], eax
        .relative(&[0x48, 0x8d, 0x15], "zero") // lea rdx, [zero]
        .bytes(&[0x8b, 0x0a, 0x01, 0x0f]) // mov ecx, [rdx]; add [rdi], ecx
        .second_argument(4)
        .call("codira_print_bytes")
        .leave();
    let data = [constant, variable, zero, text("letters", "abcdefg")];
    let output = run(&build(&[main], &data).expect("the program is complete"));
    assert_eq!(stdout(&output), "bcde", "{}", stderr(&output));
}

#[test]
fn trap_tells_the_line_and_keeps_the_output() {
    let (mut functions, mut data) = hello();
    let site = |offset, target: &str| Reloc {
        offset,
        kind: RelocKind::Abs64,
        target: target.into(),
        addend: 0,
    };
    let mut bytes = vec![0; 32];
    bytes[8] = 7;
    bytes[24] = 14;
    data.push(DataBlob {
        symbol: "site".into(),
        bytes,
        align: 8,
        relocs: vec![site(0, "message"), site(16, "file")],
        ..Default::default()
    });
    data.extend([text("message", "is nil!"), text("file", "main/main.code")]);
    let mut trap = Assembler::new("trap")
        .enter()
        .first_argument("site")
        .second_argument(0)
        .call("codira_trap_at")
        .leave();
    let offset = trap.code.len() as u32 - 5 - 2 - 4;
    trap.line_relocs.push(LineReloc {
        offset,
        key: LineKey { def: 1, expr: 23 },
    });
    functions[0] = Assembler::new("codira_program_main")
        .enter()
        .call("hello")
        .call("trap")
        .leave();
    functions.push(trap);
    let output = run(&build(&functions, &data).expect("the program is complete"));
    assert_eq!(stdout(&output), "hello\n");
    assert_eq!(
        stderr(&output),
        "main/main.code:123: Fatal error: is nil!\n"
    );
    assert_eq!(output.status.signal(), Some(4));
}

#[test]
fn endless_recursion_is_reported() {
    let (mut functions, data) = hello();
    functions.push(Assembler::new("endless").enter().call("endless").leave());
    functions[0] = Assembler::new("codira_program_main")
        .enter()
        .call("hello")
        .call("endless")
        .leave();
    let output = run(&build(&functions, &data).expect("the program is complete"));
    assert_eq!(
        (stdout(&output), stderr(&output)),
        ("hello\n", "Fatal error: Stack overflow\n")
    );
    assert_eq!(output.status.signal(), Some(11));
}

#[test]
fn undefined_symbols_are_named() {
    let main = Assembler::new("codira_program_main")
        .enter()
        .call("second")
        .call("first")
        .leave();
    let error = build(&[main], &[]).expect_err("two symbols are missing");
    let expected = "undefined symbol 'first', referenced by 'codira_program_main'\nundefined symbol 'second', referenced by 'codira_program_main'";
    assert_eq!(error.to_string(), expected);
    let error = build(&[], &[]).expect_err("there is no entry");
    assert_eq!(
        error.to_string(),
        "undefined symbol 'codira_program_main', referenced by 'the runtime'"
    );
}

#[test]
fn distances_are_checked() {
    let mut main = printing("codira_program_main", "greeting", 5);
    main.relocs[0].addend = 1 << 40;
    let error = build(&[main], &[text("greeting", "hello")]).expect_err("the address is far away");
    assert_eq!(
        error.to_string(),
        "'greeting' is out of reach of an instruction in 'codira_program_main'"
    );
    let mut main = printing("codira_program_main", "greeting", 5);
    main.relocs[0].offset = 1000;
    let error = build(&[main], &[text("greeting", "hello")]).expect_err("the place is outside");
    assert_eq!(
        error.to_string(),
        "'codira_program_main' has a relocation outside of its bytes"
    );
}

#[test]
fn shared_definitions_merge_and_others_do_not() {
    let (mut functions, data) = hello();
    functions.push(functions[1].clone());
    let error = build(&functions, &data).expect_err("a symbol is defined twice");
    assert_eq!(
        error.to_string(),
        "symbol 'hello' is defined more than once"
    );
    functions[1].linkage = Linkage::Shared;
    functions[2].linkage = Linkage::Shared;
    assert_eq!(
        stdout(&run(
            &build(&functions, &data).expect("equal definitions merge")
        )),
        "hello\nhello\n"
    );
}

#[test]
fn objects_and_a_linker() {
    let folder = tempfile::tempdir().expect("temporary folders work");
    let (mut functions, mut data) = hello();
    // Both objects hold the shared function; the data is reached from the other object.
    functions[1].linkage = Linkage::Shared;
    data.push(DataBlob {
        symbol: "unused".into(),
        zero_size: 100,
        writable: true,
        ..Default::default()
    });
    let first = write_object(&functions, [], &no_lines).expect("the object can be written");
    let second =
        write_object([&functions[1]], &data, &no_lines).expect("the object can be written");
    let library = archive::write_archive(&[("a_member_with_a_long_name.o", &second)]);
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("first.o"), first).expect("the folder is writable");
    std::fs::write(path("libsecond.a"), library).expect("the folder is writable");
    let job = LinkJob {
        objects: vec![path("first.o")],
        library_paths: vec![folder.path().to_owned()],
        libraries: vec!["second".into()],
        output: path("program"),
        ..Default::default()
    };
    link(&job, folder.path(), &mut |_| {}).expect("the program is complete");
    let output = Command::new(path("program"))
        .output()
        .expect("the program can be started");
    assert_eq!(
        (stdout(&output), output.status.code()),
        ("hello\nhello\n", Some(0)),
        "{}",
        stderr(&output)
    );

    let broken = write_object([&functions[0]], [], &no_lines).expect("the object can be written");
    std::fs::write(path("first.o"), broken).expect("the folder is writable");
    let job = LinkJob {
        libraries: Vec::new(),
        ..job
    };
    let error = link(&job, folder.path(), &mut |_| {}).expect_err("a symbol is missing");
    let LinkError::Failed { message, .. } = &error else {
        panic!("{error}");
    };
    assert!(message.contains("hello"), "{message}");
}

#[test]
fn symbols_of_the_runtime_are_known() {
    for name in [
        "codira_retain",
        "codira_dynamic_cast",
        "pow",
        "memcpy",
        "codira_program_headers",
    ] {
        let found = super::runtime::symbols()
            .iter()
            .any(|symbol| symbol.name == SymbolName::new(name));
        assert!(found, "{name}");
    }
}

/// Not a check but a measurement: run it alone, in a release build.
#[test]
#[ignore = "measures time"]
fn time_of_a_large_image() {
    let functions: Vec<FunctionBlob> = (0..15_000)
        .map(|number| {
            let mut assembler = Assembler::new(&format!(
                "main.SomeType{}.method{number}(argument:Codira.Int)",
                number / 10
            ))
            .enter();
            for call in 0..20 {
                let target = (number * 31 + call * 7) % 15_000;
                assembler = assembler
                    .call(&format!(
                        "main.SomeType{}.method{target}(argument:Codira.Int)",
                        target / 10
                    ))
                    .bytes(&[0x90; 12]);
            }
            assembler.leave()
        })
        .chain(hello().0)
        .collect();
    let data = hello().1;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let image = build(&functions, &data).expect("the program is complete");
        let built = start.elapsed();
        let folder = tempfile::tempdir().expect("temporary folders work");
        OsSystem
            .write(
                &folder.path().join("program"),
                &image,
                OutputKind::Executable,
            )
            .expect("the folder is writable");
        eprintln!(
            "{} bytes: built in {built:?}, written after {:?}",
            image.len(),
            start.elapsed()
        );
    }
    let (functions, data) = hello();
    let folder = tempfile::tempdir().expect("temporary folders work");
    let path = folder.path().join("hello");
    let image = build(&functions, &data).expect("the program is complete");
    OsSystem
        .write(&path, &image, OutputKind::Executable)
        .expect("the folder is writable");
    let start = std::time::Instant::now();
    for _ in 0..500 {
        let output = Command::new(&path).output();
        assert!(output.expect("the image can be started").status.success());
    }
    eprintln!(
        "{} bytes: started in {:?}",
        image.len(),
        start.elapsed() / 500
    );
}
