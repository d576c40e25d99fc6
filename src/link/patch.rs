//! An image that stays in memory and is brought up to date where its program changes.
//!
//! The layout leaves most units where they were. What is written again is the groups in which something has changed or moved, and the units elsewhere
//! that refer to what has moved. The image may also be the file that another process has left. The result is the image that [`super::image::write_image`] makes of the same program.

use std::ops::Range;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::image::{self, Base, ImageOptions, write_group, write_unit};
use super::layout::{Layout, SYMBOL};
use super::tables::{self, Tail};
use super::{LinkError, runtime};
use crate::codegen::record::table::{Bits, Relation};
use crate::codegen::record::{Part, ProgramRecord};
use crate::vfs::BytesCopy;

/// A program's image, and what is needed to change it.
pub struct KeptImage {
    bytes: BytesCopy,
    base: Base,
    layout: Layout,
    /// Which units refer to a unit; none where nobody asks more than once.
    users: Option<Relation>,
}

impl std::fmt::Debug for KeptImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeptImage({} bytes)", self.bytes.len())
    }
}

impl KeptImage {
    /// Writes the image of a program, without debug information.
    ///
    /// # Errors
    /// As [`image::write_image`].
    pub fn new(record: &ProgramRecord) -> Result<KeptImage, LinkError> {
        let base = Base::read(runtime::IMAGE)?;
        let mut layout = base.layout(record);
        let bytes = image::write_whole(record, &base, &layout, &ImageOptions::default())?;
        layout.settle();
        Ok(KeptImage {
            bytes: bytes.into(),
            base,
            layout,
            users: Some(users(record)),
        })
    }

    /// The image that an earlier process has written of this record, without debug information. None if the file cannot be that.
    pub fn of_file(record: &ProgramRecord, bytes: BytesCopy) -> Option<KeptImage> {
        let base = Base::read(runtime::IMAGE).ok()?;
        let mut layout = base.layout(record);
        layout.settle();
        let tail = Tail::new(record, &layout, &ImageOptions::default()).ok()?;
        (bytes.get(layout.end as usize..)? == tail.bytes).then_some(KeptImage {
            bytes,
            base,
            layout,
            users: None,
        })
    }

    /// The image.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The image, for whoever needs nothing else of it.
    pub fn into_bytes(self) -> BytesCopy {
        self.bytes
    }

    /// Brings the image up to date with a record in which these units have changed, or are gone. Returns which bytes may be different now, or none if the
    /// image cannot be changed and has to be written anew; what it holds then is of no use.
    pub fn patch(
        &mut self,
        record: &ProgramRecord,
        changed: &[u32],
        gone: &[u32],
    ) -> Option<Vec<Range<usize>>> {
        let ends = self.layout.ends();
        if !self.layout.update(record, changed, gone) {
            return None;
        }
        // Writing most of it in pieces takes longer than writing it as a whole.
        if self.layout.moved().len() > record.len() / 4 {
            return None;
        }
        if let Some(users) = &mut self.users {
            for &id in changed {
                for reloc in record.relocs(id) {
                    users.add(reloc.target(), id);
                }
            }
        }
        let mut written = Vec::new();
        // What is left behind what has become shorter.
        for (old, new) in ends.into_iter().zip(self.layout.ends()) {
            if new < old {
                self.bytes[new as usize..old as usize].fill(0);
                written.push(new as usize..old as usize);
            }
        }
        self.write_groups(record, &mut written)?;
        self.write_users(record, &mut written)?;
        let tail = Tail::new(record, &self.layout, &ImageOptions::default()).ok()?;
        let end = self.layout.end as usize;
        let place = self.bytes.get_mut(end..)?;
        if place.len() != tail.bytes.len() {
            return None;
        }
        if *place != *tail.bytes {
            place.copy_from_slice(&tail.bytes);
            written.push(end..end + tail.bytes.len());
        }
        let finished = self
            .base
            .finish(&mut self.bytes, record, &self.layout, &tail);
        written.extend(finished.ok()?);
        self.layout.settle();
        Some(written)
    }

    /// Writes the groups in which something has changed.
    fn write_groups(
        &mut self,
        record: &ProgramRecord,
        written: &mut Vec<Range<usize>>,
    ) -> Option<()> {
        let layout = &self.layout;
        for part in Part::ALL {
            for group in layout.groups(part) {
                if group.contents_changed
                    && let Some(segment) = layout.segment(part)
                {
                    let range = segment.file_range(&group.room);
                    let out = self.bytes.get_mut(range.clone())?;
                    write_group(record, layout, part, group, out).ok()?;
                    written.push(range);
                }
                if group.symbols_changed {
                    let table = layout.symbols_offset + group.symbols.start * SYMBOL
                        ..layout.symbols_offset + group.symbols.end * SYMBOL;
                    let names = layout.names_offset + group.names.start
                        ..layout.names_offset + group.names.end;
                    let table = table.start as usize..table.end as usize;
                    let names = names.start as usize..names.end as usize;
                    let (before, behind) = self.bytes.split_at_mut_checked(names.start)?;
                    let table_out = before.get_mut(table.clone())?;
                    let names_out = behind.get_mut(..names.len())?;
                    tables::write_symbols(record, layout, part, group, table_out, names_out);
                    written.extend([table, names]);
                }
            }
        }
        Some(())
    }

    /// Writes the units that refer to what has moved, of those that have not been written.
    fn write_users(
        &mut self,
        record: &ProgramRecord,
        written: &mut Vec<Range<usize>>,
    ) -> Option<()> {
        let layout = &self.layout;
        let mut done: FxHashSet<u32> = FxHashSet::default();
        for part in Part::ALL {
            let groups = layout.groups(part).iter();
            let groups = groups.filter(|group| group.contents_changed);
            done.extend(groups.flat_map(|group| &group.units));
        }
        let users: Vec<u32> = match &self.users {
            Some(users) => {
                let moved = layout.moved().iter();
                moved.flat_map(|&target| users.of(target)).collect()
            }
            None => users_of(record, layout.moved()),
        };
        let mut undefined = Vec::new();
        for id in users {
            let Some(part) = layout.part_of(id).filter(|_| done.insert(id)) else {
                continue;
            };
            let Some(segment) = layout.segment(part) else {
                continue;
            };
            let start = layout.address(id)?;
            let range = segment.file_range(&(start..start + record.bytes(id).len() as u64));
            let out = self.bytes.get_mut(range.clone())?;
            write_unit(record, layout, id, out, &mut undefined).ok()?;
            written.push(range);
        }
        undefined.is_empty().then_some(())
    }
}

/// The units that refer to any of these.
fn users_of(record: &ProgramRecord, targets: &[u32]) -> Vec<u32> {
    if targets.is_empty() {
        return Vec::new();
    }
    let mut wanted = Bits::new(record.len());
    for &target in targets {
        wanted.insert(target);
    }
    let refers = |&id: &u32| {
        let mut relocs = record.relocs(id).iter();
        relocs.any(|reloc| wanted.contains(reloc.target()))
    };
    let ids = (0..record.len() as u32).into_par_iter();
    ids.filter(|&id| record.is_defined(id))
        .filter(refers)
        .collect()
}

/// Which units refer to a unit.
fn users(record: &ProgramRecord) -> Relation {
    Relation::new(record.len(), || {
        let ids = (0..record.len() as u32).filter(|&id| record.is_defined(id));
        ids.flat_map(|id| {
            let relocs = record.relocs(id).iter();
            relocs.map(move |reloc| (reloc.target(), id))
        })
    })
}
