//! A compiler that stays does not grow: its heap before and after 10,000 edits of each kind. `CODIRA_EDITS` is another number of them.

#[path = "common/mod.rs"]
mod common;
#[path = "common/memory.rs"]
mod memory;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

fn main() {
    let edits = std::env::var("CODIRA_EDITS").ok();
    let edits: usize = edits.map_or(10_000, |edits| edits.parse().expect("a number"));
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let _ = rayon::ThreadPoolBuilder::new()
        .stack_size(64 << 20)
        .build_global();
    let module = common::module(2, 2);
    println!("{} lines, {edits} edits", common::lines(&module));
    println!(
        "{:28} {:>12} {:>12} {:>14}",
        "", "warm", "at the end", "bytes per edit"
    );
    for &(name, edit) in memory::EDITS {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let (before, after) = memory::grow(&module, edit, 200, edits, false);
        println!(
            "{name:28} {before:>12} {after:>12} {:>14.1}",
            (after - before) as f64 / edits as f64
        );
    }
}
