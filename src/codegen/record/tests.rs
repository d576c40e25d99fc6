//! Records that are written and read again.

use super::*;
use crate::codegen::blob::{DataBlob, FunctionBlob, LineKey, LineReloc, Reloc};
use crate::db::RootDatabase;
use crate::link::image::{ImageOptions, write_image};

const BUILD: Fingerprint = Fingerprint(1);
const STATE: Fingerprint = Fingerprint(2);

/// A program of one function, which refers to a constant and knows a line.
fn program() -> ProgramRecord {
    let main = FunctionBlob {
        symbol: "codira_program_main".into(),
        code: vec![0x90; 32],
        relocs: vec![Reloc {
            offset: 8,
            kind: RelocKind::PcRel32,
            target: "constant".into(),
            addend: -4,
        }],
        line_relocs: vec![LineReloc {
            offset: 16,
            key: LineKey { def: 7, expr: 3 },
        }],
        ..FunctionBlob::default()
    };
    let constant = DataBlob {
        symbol: "constant".into(),
        bytes: b"text".to_vec(),
        ..DataBlob::default()
    };
    let variable = DataBlob {
        symbol: "variable".into(),
        zero_size: 16,
        writable: true,
        ..DataBlob::default()
    };
    ProgramRecord::of_blobs(&[main], &[constant, variable], |key| key.expr + 100)
        .expect("no symbol is defined twice")
}

fn image(record: &ProgramRecord) -> Vec<u8> {
    write_image(record, &ImageOptions::default()).expect("the program is complete")
}

fn written() -> Vec<u8> {
    let mut program = program();
    let sealed = program.seal(&RootDatabase::new());
    sealed.expect("there is nothing that cannot be written");
    program.to_bytes(BUILD, STATE)
}

#[test]
fn a_record_that_was_read_makes_the_same_program() {
    let read = ProgramRecord::from_bytes(written().into(), None, BUILD, STATE)
        .expect("the bytes are whole");
    assert!(image(&read) == image(&program()));
    assert_eq!(read.find("variable"), program().find("variable"));
    assert_eq!(read.find("nothing"), None);
}

#[test]
fn records_of_other_builds_or_texts_are_none() {
    let bytes = written();
    assert!(ProgramRecord::from_bytes(bytes.clone().into(), None, STATE, STATE).is_none());
    assert!(ProgramRecord::from_bytes(bytes.clone().into(), None, BUILD, BUILD).is_none());
}

#[test]
fn damaged_records_are_none() {
    let bytes = written();
    for length in 0..bytes.len() {
        assert!(
            ProgramRecord::from_bytes(bytes[..length].to_vec().into(), None, BUILD, STATE)
                .is_none()
        );
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(
            ProgramRecord::from_bytes(damaged.into(), None, BUILD, STATE).is_none(),
            "byte {at}"
        );
    }
}

/// Whoever writes a checksum that is right can still not make the compiler go wrong.
#[test]
fn hostile_records_do_no_harm() {
    let bytes = written();
    let mut accepted = 0;
    for at in (56..bytes.len()).step_by(12) {
        for value in [0u32, 1, 5, 0x7fff_ffff, u32::MAX] {
            let mut hostile = bytes.clone();
            let end = (at + 4).min(hostile.len());
            hostile[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            let sum = bytes::checksum(&hostile[56..]);
            hostile[48..56].copy_from_slice(&sum.to_le_bytes());
            let Some(record) = ProgramRecord::from_bytes(hostile.into(), None, BUILD, STATE) else {
                continue;
            };
            accepted += 1;
            record.find("codira_program_main");
            // Images take their time, and a part of them is enough.
            if accepted % 16 == 0 {
                let _ = write_image(&record, &ImageOptions::default());
            }
            let _ = record.output();
        }
    }
    assert!(accepted > 0);
}

/// The same program with other code, another constant and one function more.
fn edited() -> ProgramRecord {
    let function = |name: &str, byte: u8, size: usize| FunctionBlob {
        symbol: name.into(),
        code: vec![byte; size],
        ..FunctionBlob::default()
    };
    let constant = DataBlob {
        symbol: "constant".into(),
        bytes: b"longer than before".to_vec(),
        ..DataBlob::default()
    };
    let functions = [
        function("codira_program_main", 0xcc, 16),
        function("another", 0xc3, 9000),
    ];
    ProgramRecord::of_blobs(&functions, &[constant], |_| 0).expect("no symbol is defined twice")
}

#[test]
fn edits_lead_from_one_record_to_another() {
    let (base, new) = (written(), edited());
    let later = Fingerprint(3);
    let edits = new.edits_since(&base, BUILD, later);
    let edits = edits.expect("the edits are small");
    let read = |base: &[u8], edits, state| {
        ProgramRecord::from_bytes(base.to_vec().into(), edits, BUILD, state)
    };
    let found = read(&base, Some(&edits), later).expect("both are whole");
    assert!(found.to_bytes(BUILD, later) == new.to_bytes(BUILD, later));
    assert!(image(&found) == image(&new));
    // Each belongs to its own state.
    assert!(read(&base, Some(&edits), STATE).is_some());
    assert!(read(&base, None, later).is_none());
    // Edits of another base are none.
    let other = new.to_bytes(BUILD, STATE);
    assert!(read(&other, Some(&edits), later).is_none());
}

#[test]
fn damaged_edits_are_none() {
    let (base, later) = (written(), Fingerprint(3));
    let edits = edited().edits_since(&base, BUILD, later);
    let edits = edits.expect("the edits are small");
    let read =
        |edits: &[u8]| ProgramRecord::from_bytes(base.clone().into(), Some(edits), BUILD, later);
    for length in (0..edits.len()).step_by(7) {
        assert!(read(&edits[..length]).is_none());
    }
    for at in 0..edits.len() {
        let mut damaged = edits.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(read(&damaged).is_none(), "byte {at}");
        // With a right checksum it may be anything, and does no harm.
        let sum = bytes::checksum(&damaged[56..]);
        damaged[48..56].copy_from_slice(&sum.to_le_bytes());
        if let Some(record) = read(&damaged) {
            record.find("codira_program_main");
            let _ = record.output();
        }
    }
}

/// A table that lies in the copy of a file, with room for one more number.
fn table_in_file(values: &[u32]) -> Table<u32> {
    let used = size_of_val(values);
    let mut bytes = vec![0xff; 8 + used + 4];
    for (place, value) in bytes[8..].as_chunks_mut::<4>().0.iter_mut().zip(values) {
        *place = value.to_le_bytes();
    }
    let copy = table::FileCopy::new(bytes.into());
    let mut sections = copy.cut(&[(8, used, used + 4)]).expect("it lies inside");
    let table = Table::of_file(sections.remove(0));
    table.expect("no byte is left over")
}

fn dirty(table: &Table<u32>) -> Vec<u32> {
    let dirty = table.dirty().expect("it was read");
    dirty.iter().collect()
}

#[test]
fn a_table_knows_where_it_was_changed_since_it_was_read() {
    let values: Vec<u32> = (0..4000).collect();
    let mut table = table_in_file(&values);
    assert!(table.all() == values);
    assert!(dirty(&table).is_empty());
    table.set(7, 70);
    table
        .run_mut(Span {
            start: 3000,
            len: 2,
        })
        .fill(9);
    // What is not there is not changed.
    table.set(4000, 1);
    assert!(
        table
            .run_mut(Span {
                start: 3999,
                len: 9
            })
            .is_empty()
    );
    assert_eq!(dirty(&table), [0, 2, 3]);
    assert_eq!((table.get(7), table.get(3001), table.get(4000)), (70, 9, 0));
}

#[test]
fn a_table_grows_where_it_lies_and_then_elsewhere() {
    let mut table = table_in_file(&[1, 2, 3]);
    assert_eq!(table.push(4), 3);
    let span = table.extend(&[5, 6]);
    assert_eq!((span.start, span.len), (4, 2));
    assert_eq!(table.all(), [1, 2, 3, 4, 5, 6]);
    table.set(0, 10);
    assert_eq!(table.get(0), 10);
    assert_eq!(dirty(&table), [0]);
}

#[test]
fn parts_of_a_file_that_overlap_or_lead_out_of_it_are_none() {
    let cut = |parts: &[(usize, usize, usize)]| {
        let copy = table::FileCopy::new(vec![0; 64].into());
        copy.cut(parts).is_some()
    };
    assert!(cut(&[(0, 8, 16), (16, 48, 48)]));
    for parts in [
        &[(0, 8, 16), (8, 8, 8)][..],
        &[(0, 17, 16)],
        &[(16, 8, 49)],
        &[(usize::MAX, 8, 8)],
        &[(8, 8, usize::MAX)],
    ] {
        assert!(!cut(parts), "{parts:?}");
    }
}
