//! Words for the linker that objects bring along.
//!
//! An object says what it wants to be linked with in a section of its own: entries that end in a zero byte. Linkers do not read it, so whoever calls
//! one collects the entries first.

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection};

use super::object_file::AUTOLINK_SECTION;

/// The entries of an object, or of all objects of an archive, each once and in order. Files of other kinds have none.
///
/// # Errors
/// When the file says that it is an object or an archive and is damaged.
pub fn entries(bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    if bytes.starts_with(b"!<arch>\n") {
        let archive = ArchiveFile::parse(bytes).map_err(|error| error.to_string())?;
        for member in archive.members() {
            let member = member.map_err(|error| error.to_string())?;
            let data = member.data(bytes).map_err(|error| error.to_string())?;
            // Archives hold other things than objects too.
            if data.starts_with(b"\x7fELF") {
                collect(data, &mut found)?;
            }
        }
    } else if bytes.starts_with(b"\x7fELF") {
        collect(bytes, &mut found)?;
    }
    Ok(found)
}

fn collect(object: &[u8], found: &mut Vec<String>) -> Result<(), String> {
    let object = object::File::parse(object).map_err(|error| error.to_string())?;
    for section in object.sections() {
        if section.name() != Ok(AUTOLINK_SECTION) {
            continue;
        }
        let data = section.data().map_err(|error| error.to_string())?;
        for entry in data.split(|&byte| byte == 0).filter(|e| !e.is_empty()) {
            let entry = String::from_utf8_lossy(entry).into_owned();
            add(found, entry);
        }
    }
    Ok(())
}

/// Adds an entry unless it is there. Lists are short.
pub fn add(entries: &mut Vec<String>, entry: String) {
    if !entries.contains(&entry) {
        entries.push(entry);
    }
}
