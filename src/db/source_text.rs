//! The text of a source file, which need not have been read.
//!
//! A build that follows another finds most files as they were, and knows from the earlier one what it wants to know of them: their content's fingerprint, and which of a few
//! words occur in them. Their text is read if somebody asks for it after all.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::base::{ContentHash, Fingerprint};

/// The text of a file. That of the standard library lies in the compiler and is not copied: programs seldom read any of it.
#[derive(Clone, Debug)]
pub enum SourceText {
    /// A part of the compiler.
    Embedded(&'static str),
    /// What was read.
    Read(Arc<str>),
    /// What will be read when somebody asks for it.
    Unread(Arc<UnreadText>),
}

/// A text on the disk, and what is known about it.
pub struct UnreadText {
    /// The fingerprint of the content, as [`ContentHash`] has it.
    pub content: Fingerprint,
    /// Words that occur in it.
    pub markers: Markers,
    text: OnceLock<Arc<str>>,
    read: ReadText,
}

/// Reads a text. What cannot be read, or is not what it was, is reported elsewhere, and empty here.
pub type ReadText = Box<dyn Fn() -> Arc<str> + Send + Sync>;

impl UnreadText {
    /// A text of which this is known.
    pub fn new(content: Fingerprint, markers: Markers, read: ReadText) -> UnreadText {
        UnreadText {
            content,
            markers,
            text: OnceLock::new(),
            read,
        }
    }
}

impl fmt::Debug for UnreadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnreadText({})", self.content)
    }
}

impl SourceText {
    /// The fingerprint of the text, as [`ContentHash`] has it.
    pub fn content(&self) -> Fingerprint {
        match self {
            SourceText::Unread(text) => text.content,
            text => ContentHash::of_one_thread(text.as_bytes()).fingerprint(),
        }
    }

    /// Which words occur in the text.
    pub fn markers(&self) -> Markers {
        match self {
            SourceText::Unread(text) => text.markers,
            text => Markers::of(text),
        }
    }

    /// Whether a word occurs in the text.
    pub fn has(&self, marker: Marker) -> bool {
        match self {
            SourceText::Unread(text) => text.markers.has(marker),
            text => text.contains(marker.word()),
        }
    }
}

impl Deref for SourceText {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            SourceText::Embedded(text) => text,
            SourceText::Read(text) => text,
            SourceText::Unread(unread) => unread.text.get_or_init(&unread.read),
        }
    }
}

impl PartialEq for SourceText {
    fn eq(&self, other: &SourceText) -> bool {
        **self == **other
    }
}

impl Eq for SourceText {}

/// A word that few files have. Only those that have it are looked at for what it may mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marker {
    /// `import` and `canImport`.
    Import,
    /// Members of superclasses are overridden.
    Override,
    /// Property wrappers are declared.
    PropertyWrapper,
    /// Lines are said to come from elsewhere.
    SourceLocation,
}

impl Marker {
    const ALL: [Marker; 4] = [
        Marker::Import,
        Marker::Override,
        Marker::PropertyWrapper,
        Marker::SourceLocation,
    ];

    fn word(self) -> &'static str {
        match self {
            Marker::Import => "mport",
            Marker::Override => "override",
            Marker::PropertyWrapper => "@propertyWrapper",
            Marker::SourceLocation => "#sourceLocation",
        }
    }
}

/// The [`Marker`]s of a text.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Markers(u8);

impl Markers {
    /// Those of this text.
    pub fn of(text: &str) -> Markers {
        let found = Marker::ALL
            .iter()
            .filter(|marker| text.contains(marker.word()));
        Markers(found.map(|&marker| 1 << marker as u8).sum())
    }

    /// Whether a marker is among them.
    pub fn has(self, marker: Marker) -> bool {
        self.0 & 1 << marker as u8 != 0
    }
}
