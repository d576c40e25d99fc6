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
    let bytes = program().to_bytes(&RootDatabase::new(), BUILD, STATE);
    bytes.expect("there is nothing that cannot be written")
}

#[test]
fn a_record_that_was_read_makes_the_same_program() {
    let read = ProgramRecord::from_bytes(&written(), BUILD, STATE).expect("the bytes are whole");
    assert!(image(&read) == image(&program()));
    assert_eq!(read.find("variable"), program().find("variable"));
    assert_eq!(read.find("nothing"), None);
}

#[test]
fn records_of_other_builds_or_texts_are_none() {
    let bytes = written();
    assert!(ProgramRecord::from_bytes(&bytes, STATE, STATE).is_none());
    assert!(ProgramRecord::from_bytes(&bytes, BUILD, BUILD).is_none());
}

#[test]
fn damaged_records_are_none() {
    let bytes = written();
    for length in 0..bytes.len() {
        assert!(ProgramRecord::from_bytes(&bytes[..length], BUILD, STATE).is_none());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(
            ProgramRecord::from_bytes(&damaged, BUILD, STATE).is_none(),
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
            let sum = hash_of(&hostile[56..]);
            hostile[48..56].copy_from_slice(&sum.to_le_bytes());
            let Some(record) = ProgramRecord::from_bytes(&hostile, BUILD, STATE) else {
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
