//! Static libraries: the `ar` format as GNU's tools write it, with a symbol index.
//!
//! `build.rs` includes this file too, so it uses nothing else of the compiler.

use object::{Object, ObjectSymbol};

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Writes an archive of named members. Times and owners are zero, so that equal members make equal archives.
pub fn write_archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut long_names = Vec::new();
    let names: Vec<String> = members
        .iter()
        .map(|(name, _)| member_name(name, &mut long_names))
        .collect();

    // The index lists, for every symbol, where the member that defines it starts.
    let mut symbols: Vec<(usize, Vec<u8>)> = Vec::new();
    for (number, (_, data)) in members.iter().enumerate() {
        let Ok(parsed) = object::File::parse(*data) else {
            continue;
        };
        let defined = parsed
            .symbols()
            .filter(|symbol| symbol.is_definition() && symbol.is_global());
        symbols.extend(
            defined.filter_map(|symbol| Some((number, symbol.name_bytes().ok()?.to_vec()))),
        );
    }
    let index_size = 4 + symbols
        .iter()
        .map(|(_, name)| 4 + name.len() + 1)
        .sum::<usize>();
    let mut position = MAGIC.len() + HEADER + index_size.next_multiple_of(2);
    if !long_names.is_empty() {
        position += HEADER + long_names.len().next_multiple_of(2);
    }
    let mut positions = Vec::with_capacity(members.len());
    for (_, data) in members {
        positions.push(position as u32);
        position += HEADER + data.len().next_multiple_of(2);
    }

    let mut index = (symbols.len() as u32).to_be_bytes().to_vec();
    for (member, _) in &symbols {
        index.extend(positions[*member].to_be_bytes());
    }
    for (_, name) in &symbols {
        index.extend_from_slice(name);
        index.push(0);
    }

    let mut out = Vec::with_capacity(position);
    out.extend_from_slice(MAGIC);
    append(&mut out, "/", &index);
    if !long_names.is_empty() {
        append(&mut out, "//", &long_names);
    }
    for (name, (_, data)) in names.iter().zip(members) {
        append(&mut out, name, data);
    }
    out
}

/// The name in a member's header: the name itself, or where it is in the table of long names.
fn member_name(name: &str, long_names: &mut Vec<u8>) -> String {
    if name.len() < 16 {
        return format!("{name}/");
    }
    let place = format!("/{}", long_names.len());
    long_names.extend_from_slice(name.as_bytes());
    long_names.extend_from_slice(b"/\n");
    place
}

fn append(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    let (time, owner, group, mode) = (0, 0, 0, 644);
    out.extend(
        format!(
            "{name:<16}{time:<12}{owner:<6}{group:<6}{mode:<8}{:<10}`\n",
            data.len()
        )
        .bytes(),
    );
    out.extend_from_slice(data);
    // Members start at even positions.
    if data.len() % 2 == 1 {
        out.push(b'\n');
    }
}
