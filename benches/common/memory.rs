//! What a compiler that stays keeps of edits: its heap before and after many of them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use codira::interface::BufferEmitter;
use codira::interface::hot::HotCompiler;
use codira::session::{Invocation, cli};
use codira::vfs::MemorySystem;

static LIVE: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, which counts the bytes that are in use.
pub struct Counting;

// SAFETY: all calls go to the system's allocator as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_add(size as isize - layout.size() as isize, Ordering::Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

/// An edit that is made again and again: what the edited file holds at the time with this number.
pub type Edit = fn(usize) -> String;

/// The edits that are measured, by name.
pub const EDITS: &[(&str, Edit)] = &[
    ("a number in a body", |n| {
        format!("fn edited() -> Int {{ return {n} }}\n")
    }),
    ("new names in a body", |n| {
        format!(
            "fn edited() -> Int {{ immutable name{n} = 1; return [name{n}].map {{ $0 + 1 }}.count }}\n"
        )
    }),
    ("a string in a body", |n| {
        format!("fn edited() -> Int {{ return \"text {n}\".count }}\n")
    }),
    ("a signature", |n| {
        let result = ["Int", "Double", "[Int]"][n % 3];
        let value = ["1", "1.5", "[1]"][n % 3];
        format!("fn edited(_ n: Int = {n}) -> {result} {{ return {value} }}\n")
    }),
    ("a property", |n| {
        let property = ["var a = 1", "var a = 1.5", "var b = \"b\", a = 1"][n % 3];
        format!(
            "struct Edited {{ {property} }}\nfn edited() -> String {{ return \"\\(Edited())\" }}\n"
        )
    }),
    ("broken and repaired", |n| match n % 3 {
        0 => format!("fn edited() -> Int {{ return {n} }}\n"),
        1 => format!("fn edited() -> Int {{ return \"{n}\" }}\n"),
        _ => "fn edited( -> Int { return\n".to_owned(),
    }),
    ("a new function each time", |n| {
        format!("fn edited() -> Int {{ return added{n}() }}\nfn added{n}() -> Int {{ return 1 }}\n")
    }),
];

/// The heap's size, in bytes, when a compiler is warm and after `count` edits more; with `anew` after it has then begun anew and built once.
pub fn grow(
    module: &[(String, String)],
    edit: Edit,
    warm: usize,
    count: usize,
    anew: bool,
) -> (isize, isize) {
    let system = MemorySystem::new();
    let mut args: Vec<String> = ["-module-name", "m", "-o", "out"]
        .iter()
        .map(|&arg| arg.to_owned())
        .collect();
    for (path, text) in module {
        let text = match path.as_str() {
            "main.code" => format!("{text}print(edited())\n"),
            _ => text.clone(),
        };
        system.set(path, text);
        args.push(path.clone());
    }
    system.set("edited.code", edit(0));
    args.push("edited.code".to_owned());
    let Ok(Invocation::Compile(options, _)) = cli::parse(&system, &args) else {
        panic!("the command line is wrong");
    };
    let mut compiler = HotCompiler::open(*options, Arc::new(system.clone()), None);
    let mut before = 0;
    for number in 1..=warm + count {
        system.set("edited.code", edit(number));
        compiler.refresh(None);
        let mut emitter = BufferEmitter::default();
        let built = compiler.build().run(&mut emitter);
        assert!(built.is_some(), "nobody sets an input meanwhile");
        if number == warm {
            before = LIVE.load(Ordering::Relaxed);
        }
    }
    if anew {
        compiler.begin_anew();
        let built = compiler.build().run(&mut BufferEmitter::default());
        assert!(built.is_some(), "nobody sets an input meanwhile");
    }
    let after = LIVE.load(Ordering::Relaxed);
    (before, after)
}
