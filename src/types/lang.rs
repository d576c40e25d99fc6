//! The declarations of the library that the compiler knows by name.

use crate::base::Name;
use crate::db::Db;
use crate::items::ids::{DefId, DefKind};
use crate::resolve::scope::module_members;
use crate::types::ty::Ty;

macro_rules! lang_items {
    ($($variant:ident $name:literal $kind:ident,)*) => {
        /// A top-level type or protocol of module `Codira` that the compiler itself refers to.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum LangItem {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }
        impl LangItem {
            /// Every one.
            pub const ALL: &'static [LangItem] = &[$(LangItem::$variant,)*];
            /// Its name in the library.
            pub fn name(self) -> &'static str {
                match self { $(LangItem::$variant => $name,)* }
            }
            fn kind(self) -> DefKind {
                match self { $(LangItem::$variant => DefKind::$kind,)* }
            }
        }
    };
}

lang_items! {
    // Scalars and strings.
    Bool "Bool" Struct,
    Int "Int" Struct,
    Int8 "Int8" Struct,
    Int16 "Int16" Struct,
    Int32 "Int32" Struct,
    Int64 "Int64" Struct,
    UInt "UInt" Struct,
    UInt8 "UInt8" Struct,
    UInt16 "UInt16" Struct,
    UInt32 "UInt32" Struct,
    UInt64 "UInt64" Struct,
    Float "Float" Struct,
    Double "Double" Struct,
    String "String" Struct,
    StaticString "StaticString" Struct,
    Substring "Substring" Struct,
    Character "Character" Struct,
    Never "Never" Enum,
    // Optionals and collections.
    Optional "Optional" Enum,
    Array "Array" Struct,
    Dictionary "Dictionary" Struct,
    Set "Set" Struct,
    AnyHashable "AnyHashable" Struct,
    Range "Range" Struct,
    ClosedRange "ClosedRange" Struct,
    // The storage of a weak variable that closures share.
    WeakCell "_WeakCell" Struct,
    // Pointers.
    UnsafePointer "UnsafePointer" Struct,
    UnsafeMutablePointer "UnsafeMutablePointer" Struct,
    UnsafeRawPointer "UnsafeRawPointer" Struct,
    UnsafeMutableRawPointer "UnsafeMutableRawPointer" Struct,
    // Key paths.
    AnyKeyPath "AnyKeyPath" Class,
    PartialKeyPath "PartialKeyPath" Class,
    KeyPath "KeyPath" Class,
    WritableKeyPath "WritableKeyPath" Class,
    ReferenceWritableKeyPath "ReferenceWritableKeyPath" Class,
    // Literals.
    ExpressibleByNilLiteral "ExpressibleByNilLiteral" Protocol,
    ExpressibleByIntegerLiteral "ExpressibleByIntegerLiteral" Protocol,
    ExpressibleByFloatLiteral "ExpressibleByFloatLiteral" Protocol,
    ExpressibleByBooleanLiteral "ExpressibleByBooleanLiteral" Protocol,
    ExpressibleByUnicodeScalarLiteral "ExpressibleByUnicodeScalarLiteral" Protocol,
    ExpressibleByExtendedGraphemeClusterLiteral "ExpressibleByExtendedGraphemeClusterLiteral" Protocol,
    ExpressibleByStringLiteral "ExpressibleByStringLiteral" Protocol,
    ExpressibleByStringInterpolation "ExpressibleByStringInterpolation" Protocol,
    ExpressibleByArrayLiteral "ExpressibleByArrayLiteral" Protocol,
    ExpressibleByDictionaryLiteral "ExpressibleByDictionaryLiteral" Protocol,
    BuiltinIntegerLiteral "_BuiltinIntegerLiteralConvertible" Protocol,
    BuiltinFloatLiteral "_BuiltinFloatLiteralConvertible" Protocol,
    BuiltinBooleanLiteral "_BuiltinBooleanLiteralConvertible" Protocol,
    BuiltinUnicodeScalarLiteral "_BuiltinUnicodeScalarLiteralConvertible" Protocol,
    BuiltinExtendedGraphemeClusterLiteral "_BuiltinExtendedGraphemeClusterLiteralConvertible" Protocol,
    BuiltinStringLiteral "_BuiltinStringLiteralConvertible" Protocol,
    DefaultStringInterpolation "DefaultStringInterpolation" Struct,
    StringInterpolationProtocol "StringInterpolationProtocol" Protocol,
    // Protocols with rules of their own.
    Equatable "Equatable" Protocol,
    Hashable "Hashable" Protocol,
    Hasher "Hasher" Struct,
    Comparable "Comparable" Protocol,
    CaseIterable "CaseIterable" Protocol,
    RawRepresentable "RawRepresentable" Protocol,
    OptionSet "OptionSet" Protocol,
    Error "Error" Protocol,
    Sendable "Sendable" Protocol,
    Copyable "Copyable" Protocol,
    Escapable "Escapable" Protocol,
    BitwiseCopyable "BitwiseCopyable" Protocol,
    Sequence "Sequence" Protocol,
    IteratorProtocol "IteratorProtocol" Protocol,
    Collection "Collection" Protocol,
    Actor "Actor" Protocol,
}

pub use crate::resolve::scope::library_module;

/// The definitions of all known declarations, in the order of [`LangItem::ALL`].
#[salsa::tracked(returns(deref))]
fn lang_table(db: &dyn Db) -> Vec<DefId> {
    let library = library_module(db);
    let find = |&item: &LangItem| {
        let name = Name::new(item.name());
        let mut found = module_members(db, library, name).iter().copied();
        // A library without the declaration gets an id that has no data.
        let missing = || DefId::new(db, Some(library), item.kind(), name, 0);
        found
            .find(|d| d.kind(db) == item.kind())
            .or_else(|| found.next())
            .unwrap_or_else(missing)
    };
    LangItem::ALL.iter().map(find).collect()
}

/// The definition of a known declaration. It exists as an id even where a broken library does not declare it.
pub fn lang(db: &dyn Db, item: LangItem) -> DefId {
    lang_table(db)[item as usize]
}

/// Which known declaration a definition is.
pub fn lang_item_of(db: &dyn Db, def: DefId) -> Option<LangItem> {
    let table = lang_table(db);
    let index = table.iter().position(|&d| d == def)?;
    LangItem::ALL.get(index).copied()
}

fn plain(db: &dyn Db, item: LangItem) -> Ty {
    Ty::nominal(lang(db, item), &[])
}
/// `Int`
pub fn int_ty(db: &dyn Db) -> Ty {
    plain(db, LangItem::Int)
}
/// `Bool`
pub fn bool_ty(db: &dyn Db) -> Ty {
    plain(db, LangItem::Bool)
}
/// `Double`
pub fn double_ty(db: &dyn Db) -> Ty {
    plain(db, LangItem::Double)
}
/// `String`
pub fn string_ty(db: &dyn Db) -> Ty {
    plain(db, LangItem::String)
}
/// `Never`
pub fn never_ty(db: &dyn Db) -> Ty {
    plain(db, LangItem::Never)
}
/// A nominal of the library with these arguments.
pub fn lang_ty(db: &dyn Db, item: LangItem, args: &[Ty]) -> Ty {
    Ty::nominal(lang(db, item), args)
}
/// `T?`
pub fn optional_of(db: &dyn Db, payload: Ty) -> Ty {
    Ty::nominal(lang(db, LangItem::Optional), &[payload])
}
/// `[T]`
pub fn array_of(db: &dyn Db, element: Ty) -> Ty {
    Ty::nominal(lang(db, LangItem::Array), &[element])
}
/// `[K: V]`
pub fn dictionary_of(db: &dyn Db, key: Ty, value: Ty) -> Ty {
    Ty::nominal(lang(db, LangItem::Dictionary), &[key, value])
}
/// `any Error`
pub fn any_error(db: &dyn Db) -> Ty {
    existential_of(db, lang(db, LangItem::Error))
}
/// `any P`
pub fn existential_of(db: &dyn Db, protocol: DefId) -> Ty {
    crate::types::lower::compose(db, &[protocol], None, false, Vec::new())
}
/// The `T` of `T?`.
pub fn optional_payload(db: &dyn Db, ty: Ty) -> Option<Ty> {
    payload_of(db, ty, LangItem::Optional)
}
/// The first argument of a type that is this nominal.
pub fn payload_of(db: &dyn Db, ty: Ty, item: LangItem) -> Option<Ty> {
    let (def, args) = ty.as_nominal()?;
    (def == lang(db, item)).then(|| args.as_slice().first().copied())?
}
/// Whether the type is this nominal, with any arguments.
pub fn is_lang(db: &dyn Db, ty: Ty, item: LangItem) -> bool {
    ty.as_nominal()
        .is_some_and(|(def, _)| def == lang(db, item))
}
