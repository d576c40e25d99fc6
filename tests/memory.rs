//! A compiler that stays does not grow with the edits that it sees. `benches/memory.rs` measures longer; `CODIRA_EDITS`
//! is another number of edits.

#[path = "../benches/common/memory.rs"]
mod memory;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// What an edit may leave behind: names are known for the life of the process.
const BYTES: isize = 1000;
/// The same for one that declares what never was before: declarations have an identity for the life of the process, and what was asked about them stays.
const BYTES_OF_DECLARATION: isize = 12_000;

/// The same for a constant that never was before: its text is a name and a symbol for the life of the process, and the record of the program keeps the
/// place of the datum that nothing refers to any more until all code is made again.
const BYTES_OF_CONSTANT: isize = 2_000;

#[test]
fn edits_leave_nothing_behind() {
    let module = [("main.code".to_owned(), "print(1)\n".to_owned())];
    let (warm, count) = match cfg!(debug_assertions) {
        true => (20, 30),
        false => (200, 300),
    };
    let edits = std::env::var("CODIRA_EDITS").ok();
    let count = edits.map_or(count, |edits| edits.parse().expect("a number"));
    let mut problems = Vec::new();
    for &(name, edit) in memory::EDITS {
        let (before, after) = memory::grow(&module, edit, warm, count, false);
        let bytes = (after - before) / count as isize;
        let limit = match name {
            "a new function each time" => BYTES_OF_DECLARATION,
            "a string in a body" => BYTES_OF_CONSTANT,
            _ => BYTES,
        };
        println!("{name}: {bytes} bytes an edit");
        if bytes > limit {
            problems.push(format!("{name}: {bytes} bytes an edit"));
        }
    }
    // It goes when the compiler begins anew, as it does by itself when that is too much.
    let (_, edit) = memory::EDITS[memory::EDITS.len() - 1];
    let (before, after) = memory::grow(&module, edit, 5, count, true);
    let bytes = (after - before) / count as isize;
    println!("a new function each time, and a new beginning: {bytes} bytes an edit");
    if bytes > BYTES {
        problems.push(format!("{bytes} bytes an edit stay for ever"));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
